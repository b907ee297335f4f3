//! The rules of the parser.

use crate::rules::{Rule, error, warning};

pub(super) const RULES: &[Rule] = &[
    error(
        "not-utf-8",
        "a file is not UTF-8",
        "Schemas are JSON, and JSON in files is UTF-8. The offset is that of the first byte that cannot be part of a \
         UTF-8 text. Save the file as UTF-8; a byte order mark at its start does no harm.",
    ),
    error(
        "invalid-json",
        "a text is not JSON",
        "Schemas are read as Java Avro reads them: JSON, with // and /* */ comments allowed before and inside the \
         schema, and nothing else besides. No trailing commas, no single quotes, no line breaks in strings. The caret \
         stands where the text stops being JSON; what was meant often lies just before it.",
    ),
    error(
        "text-after-schema",
        "something follows the schema",
        "After the schema only white space may follow: Java Avro takes anything else, comments included, for a \
         mistake. Move comments to the front. Several types in one file are written as a union: an array of schemas.",
    ),
    error(
        "too-deep",
        "something is nested too deep",
        "Arrays and objects may be nested 1000 deep, as in Java; types 1000 deep, references followed; the records in \
         a default 500 deep. The limits keep hostile schemas from exhausting the stack. A real schema that reaches \
         them should give its inner types names and refer to them.",
    ),
    error(
        "too-large",
        "a text, a name, a key or a number is too large",
        "A schema has at most 8 MiB and a million values; a name or namespace 1000 bytes; a number 1000 digits and a key \
         50,000 characters, as in Java. The limits bound the memory that a hostile schema can ask for.",
    ),
    error(
        "not-a-schema",
        "a JSON value is not a schema",
        "A schema is a string (the name of a type), an object with \"type\", or an array (a union). Numbers, booleans \
         and null are none. The null type is the string \"null\".",
    ),
    error(
        "missing-type",
        "an object is no schema, for want of \"type\"",
        "An object is a schema by its \"type\": record, enum, array, map, fixed, error, or a primitive type.",
    ),
    error(
        "type-not-a-name",
        "a schema's \"type\" is not a string",
        "In a schema's object \"type\" is a word. A field is another matter: its \"type\" is any schema. So \
         {\"type\": {\"type\": \"string\"}} is right in a field and wrong elsewhere: write the inner schema itself.",
    ),
    error(
        "unknown-type-word",
        "a schema's \"type\" is none of the words that Avro has",
        "In a schema's object \"type\" is record, enum, array, map, fixed, error, or a primitive type. To refer to a \
         type by its name, write the name as a string, without an object around it.",
    ),
    error(
        "unknown-type",
        "a name is not defined",
        "A name without a dot is looked up in the namespace around it. If it is not defined there before this place, \
         a type of that name without a namespace, defined before this place, is taken. A type defined further down or \
         in another file is found by its full name. Names are case-sensitive, and primitive types are in lower case.",
    ),
    error(
        "missing-items",
        "an array without \"items\"",
        "The type of an array's items is given by \"items\": {\"type\": \"array\", \"items\": \"string\"}.",
    ),
    error(
        "missing-values",
        "a map without \"values\"",
        "The type of a map's values is given by \"values\": {\"type\": \"map\", \"values\": \"long\"}. Keys are always \
         strings.",
    ),
    error(
        "nested-union",
        "a union directly in a union",
        "A union's branches are no unions: what is written is the index of one branch. List all branches in one array.",
    ),
    error(
        "duplicate-branch",
        "a union has the same type twice",
        "A union holds each primitive type, array and map at most once, and each named type at most once, because a \
         value's branch is found by its type. Wrap one of the two in a record, or give it another name.",
    ),
    error(
        "attribute-too-big",
        "an attribute is an integer beyond 64 bits",
        "Java Avro keeps attributes that it gives no meaning to, but on records, arrays and maps it fails to copy an \
         integer that a long cannot hold. Write it as a string.",
    ),
    error(
        "missing-name",
        "a record, enum or fixed without a name",
        "Records, enums and fixed have a \"name\", a string, unique in its namespace. The namespace is the part of the \
         name before its last dot, else \"namespace\", else that of the type around it.",
    ),
    error(
        "invalid-name",
        "the name of a type has characters that names cannot have",
        "A name starts with a letter or _, and goes on with letters, digits or _. A registry takes ASCII letters only \
         when a schema is registered; Java itself takes letters of any script.",
    ),
    error(
        "invalid-namespace",
        "a namespace has a part that is no name",
        "A namespace is a sequence of names with dots between them. Each part starts with a letter or _, and goes on \
         with letters, digits or _; none is empty.",
    ),
    error(
        "reserved-name",
        "a type is called like a primitive type",
        "A type without a namespace cannot be called null, boolean, int, long, float, double, bytes or string: a \
         reference to it would mean the primitive type.",
    ),
    error(
        "invalid-alias",
        "an alias of a type is no name",
        "An alias is another name of a type, with or without a namespace, and follows the same rules as a name.",
    ),
    error(
        "invalid-aliases",
        "\"aliases\" is not an array of strings",
        "\"aliases\" of a type or field is an array of strings, even where there is one alone: \"aliases\": [\"old\"].",
    ),
    error(
        "duplicate-type",
        "a type is defined twice, and differently",
        "A full name stands for one definition, also over several files. A second definition is taken if it equals the \
         first (documents and aliases may differ), and if it does not refer to itself. Define the type once, and refer \
         to it by its full name elsewhere.",
    ),
    error(
        "missing-fields",
        "a record without \"fields\"",
        "A record has \"fields\", an array of objects with \"name\" and \"type\". The array may be empty, but it must be \
         there: a record without fields has \"fields\": [].",
    ),
    error(
        "field-not-an-object",
        "a field is not an object",
        "A field is an object with at least \"name\" and \"type\"; a bare name is not enough: {\"name\": \"value\", \"type\": \
         \"double\"}.",
    ),
    error(
        "missing-field-name",
        "a field without a name",
        "A field has a \"name\", a string, unique in its record. Readers find fields by their names, so even a field that \
         nobody reads must have one.",
    ),
    error(
        "missing-field-type",
        "a field without a type",
        "A field has a \"type\": any schema, most often the name of a primitive type.",
    ),
    error(
        "invalid-field-name",
        "the name of a field has characters that names cannot have",
        "A field's name starts with a letter or _, and goes on with letters, digits or _; it has no dots. Names of \
         systems that allow more can be kept in an attribute or the document.",
    ),
    error(
        "duplicate-field",
        "a record has two fields of one name",
        "Fields are found by their names, so a name is there once. Aliases may repeat names; a reader then fails \
         where both are in the data.",
    ),
    error(
        "invalid-order",
        "a field's \"order\" is none of the three",
        "\"order\" says how a field takes part in sorting records: ascending (the default), descending or ignore.",
    ),
    error(
        "invalid-default",
        "a field's default does not fit its type",
        "A default is a JSON value of the field's type: a number without a fraction for int and long, a string for \
         string, bytes, fixed and enum, an object for map and record. A union's default may be of any branch since \
         Avro 1.12; older readers ask for the first. A record's default may leave out fields that have defaults.",
    ),
    error(
        "default-before-type",
        "a default of a type that is defined further down",
        "Java Avro checks a default when it reads the field. Until the type is defined it takes objects only, so the \
         default of a field whose enum, fixed or other type comes later is refused. Define the type in front of the \
         field, or inline at its first use.",
    ),
    error(
        "recursive-default",
        "a default contains a record that contains the field",
        "Java Avro cannot check a default that holds a record which is not complete without it. Use null, with a union, \
         or an empty array or map.",
    ),
    error(
        "missing-symbols",
        "an enum without \"symbols\"",
        "An enum has \"symbols\", an array of names. Their order counts: what is written in data is the position of the \
         symbol, so new ones go to the end.",
    ),
    error(
        "invalid-symbol",
        "a symbol of an enum is no name",
        "A symbol starts with a letter or _, and goes on with letters, digits or _. What is written in data is its \
         position, so symbols must not be reordered to mend this: change the text in place.",
    ),
    error(
        "duplicate-symbol",
        "an enum has a symbol twice",
        "Symbols of an enum are unique. Removing one moves those after it: data written before must be read with the \
         schema it was written with.",
    ),
    error(
        "invalid-enum-default",
        "an enum's default is not one of its symbols",
        "The \"default\" of an enum is the symbol that a reader takes for one it does not know. It is one of the \
         enum's own symbols. It is not the default of a field, which stands in the field.",
    ),
    error(
        "invalid-size",
        "a fixed without a valid \"size\"",
        "\"size\" of a fixed is its number of bytes: an integer from 0 to 2147483639, not a string and not 4.0.",
    ),
    warning(
        "duplicate-key",
        "an object has a key twice",
        "Of a key that is there twice, Java Avro takes the last, silently. The first is most often a leftover.",
    ),
    warning(
        "attribute-ignored",
        "an attribute has the wrong type, and is ignored",
        "Java Avro ignores a \"doc\" or \"namespace\", and an enum's \"default\", that is not a string.",
    ),
    warning(
        "logical-type-ignored",
        "a logical type that is not valid on its type",
        "An invalid logical type is ignored, as the specification asks, and the data is read as the plain type. Most \
         often the underlying type is not the one that the logical type stands on, or a decimal's precision and scale \
         are wrong.",
    ),
    warning(
        "unknown-logical-type",
        "a logical type that looks like a slip",
        "A logical type that Avro does not know is ignored. This one is very near to one that it knows.",
    ),
    warning(
        "logical-type-misplaced",
        "a logical type beside a field's type",
        "\"logicalType\" belongs to a type, not to a field: \"type\": {\"type\": \"long\", \"logicalType\": \
         \"timestamp-micros\"}. Beside the type it is an attribute of the field without a meaning.",
    ),
];
