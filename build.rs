//! Generates the fleet's events, producers and consumers from `schemas/` and `fleetops-registry.toml`.

fn main() {
    fleetops_codegen::build();
}
