//! Calls about subjects, their versions and the schemas in them.

use fleetops_avro::compat::Level;
use reqwest::Method;

use super::Client;
use super::call::absent;
use crate::registry::error::ClientError;
use crate::registry::wire::{
    Compatibility, Reference, Registered, SchemaRequest, SchemaText, SubjectVersion,
};

impl Client {
    /// Registers a schema under a subject, and answers its ID. The same schema again gets the same ID.
    ///
    /// # Errors
    /// [`ClientError::Refused`] with 40901 where it is incompatible, 42201 where it is invalid.
    pub async fn register(
        &self,
        subject: &str,
        schema: &str,
        references: &[Reference],
    ) -> Result<u32, ClientError> {
        let call = self.call(Method::POST, &["subjects", subject, "versions"], &[])?;
        let call = call.changing().json(&SchemaRequest { schema, references });
        let answer: Registered = call.send().await?;
        Ok(answer.id)
    }

    /// The version of the subject that has this schema; `None` where neither is registered.
    ///
    /// # Errors
    /// As every call.
    pub async fn look_up(
        &self,
        subject: &str,
        schema: &str,
        references: &[Reference],
    ) -> Result<Option<SubjectVersion>, ClientError> {
        let call = self.call(Method::POST, &["subjects", subject], &[])?;
        absent(
            call.json(&SchemaRequest { schema, references }).send().await,
            &[40401, 40403],
        )
    }

    /// The subjects, in the order of names.
    ///
    /// # Errors
    /// As every call.
    pub async fn subjects(&self) -> Result<Vec<String>, ClientError> {
        let names: Option<Vec<String>> = self.call(Method::GET, &["subjects"], &[])?.send().await?;
        let mut names = names.unwrap_or_default();
        names.sort();
        Ok(names)
    }

    /// The subject's versions, lowest first; empty where there is no such subject.
    ///
    /// # Errors
    /// As every call.
    pub async fn versions(&self, subject: &str) -> Result<Vec<u32>, ClientError> {
        let call = self.call(Method::GET, &["subjects", subject, "versions"], &[])?;
        let numbers: Option<Option<Vec<u32>>> = absent(call.send().await, &[40401])?;
        let mut numbers = numbers.flatten().unwrap_or_default();
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// A version of a subject by number, or with `None` the latest; `None` where there is none.
    ///
    /// # Errors
    /// As every call.
    pub async fn version(
        &self,
        subject: &str,
        version: Option<u32>,
    ) -> Result<Option<SubjectVersion>, ClientError> {
        let version = version.map_or_else(|| "latest".to_owned(), |number| number.to_string());
        let call = self.call(Method::GET, &["subjects", subject, "versions", &version], &[])?;
        absent(call.send().await, &[40401, 40402])
    }

    /// A version of a subject, also where it is soft-deleted; `None` where there is none.
    ///
    /// # Errors
    /// As every call.
    pub async fn version_even_deleted(
        &self,
        subject: &str,
        version: u32,
    ) -> Result<Option<SubjectVersion>, ClientError> {
        let path = ["subjects", subject, "versions", &version.to_string()];
        let call = self.call(Method::GET, &path, &[("deleted", "true")])?;
        absent(call.send().await, &[40401, 40402])
    }

    /// The schema with that ID; `None` where there is none.
    ///
    /// # Errors
    /// As every call.
    pub async fn schema(&self, id: u32) -> Result<Option<SchemaText>, ClientError> {
        let call = self.call(Method::GET, &["schemas", "ids", &id.to_string()], &[])?;
        absent(call.send().await, &[40403])
    }

    /// Asks whether a schema could be registered under a subject at which `level` holds. A subject without versions takes
    /// anything.
    ///
    /// Registering looks at the latest version alone unless the level is transitive, and so does this: a registry that is
    /// asked about all versions may look at all of them whatever the level.
    ///
    /// # Errors
    /// As every call; 42201 where the schema is invalid (some registries call it incompatible instead).
    pub async fn compatibility(
        &self,
        subject: &str,
        level: Level,
        schema: &str,
        references: &[Reference],
    ) -> Result<Compatibility, ClientError> {
        let mut path = vec!["compatibility", "subjects", subject, "versions"];
        if !level.is_transitive() {
            path.push("latest");
        }
        let call = self.call(Method::POST, &path, &[("verbose", "true")])?;
        let answer = absent(
            call.json(&SchemaRequest { schema, references }).send().await,
            &[40401, 40402],
        )?;
        Ok(answer.unwrap_or(Compatibility {
            is_compatible: true,
            messages: Vec::new(),
        }))
    }

    /// The subjects, soft-deleted ones too, in the order of names.
    ///
    /// # Errors
    /// As every call.
    pub async fn subjects_even_deleted(&self) -> Result<Vec<String>, ClientError> {
        let call = self.call(Method::GET, &["subjects"], &[("deleted", "true")])?;
        let names: Option<Vec<String>> = call.send().await?;
        let mut names = names.unwrap_or_default();
        names.sort();
        Ok(names)
    }

    /// Deletes a subject, softly or for good; only what is soft-deleted can be deleted for good. The versions that were
    /// deleted.
    ///
    /// # Errors
    /// As every call; 40401 where there is none, 40404 where it is soft-deleted already, 42206 where others refer to it.
    pub async fn delete_subject(&self, subject: &str, permanent: bool) -> Result<Vec<u32>, ClientError> {
        let query: &[(&str, &str)] = if permanent { &[("permanent", "true")] } else { &[] };
        let call = self.call(Method::DELETE, &["subjects", subject], query)?;
        let versions: Option<Vec<u32>> = call.changing().send().await?;
        Ok(versions.unwrap_or_default())
    }

    /// Deletes a version of a subject, softly or for good; only what is soft-deleted can be deleted for good.
    ///
    /// # Errors
    /// As every call; 40402 where there is none, 40406 where it is soft-deleted already, 42206 where others refer to it.
    pub async fn delete_version(
        &self,
        subject: &str,
        version: u32,
        permanent: bool,
    ) -> Result<(), ClientError> {
        let query: &[(&str, &str)] = if permanent { &[("permanent", "true")] } else { &[] };
        let path = ["subjects", subject, "versions", &version.to_string()];
        let call = self.call(Method::DELETE, &path, query)?.changing();
        let _: serde_json::Value = call.send().await?;
        Ok(())
    }
}
