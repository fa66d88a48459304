//! Brings the database up to date: `DATABASE_URL` names a role that may create roles and schemas, and
//! `<SERVICE>_DB_PASSWORD` each service role's password.

use std::process::ExitCode;

use configmgt_migrations::{SCHEMAS, migrate};
use configmgt_process::settings;

fn main() -> ExitCode {
    configmgt_process::run("configmgt-migrate", || async {
        let database =
            settings::required("DATABASE_URL", "the database to bring up to date, as a role that may create roles")?;
        let mut passwords = Vec::new();
        for schema in &SCHEMAS {
            let name = settings::of_service(schema.service, "DB_PASSWORD");
            passwords.push((schema.name, settings::required(&name, "the password of the service's database role")?));
        }
        let password_of = |wanted: &str| {
            let found = passwords.iter().find(|(schema, _)| *schema == wanted);
            found.map_or_else(String::new, |(_, password)| password.clone())
        };
        migrate(&database.parse()?, |schema| password_of(schema.name)).await?;
        Ok(())
    })
}
