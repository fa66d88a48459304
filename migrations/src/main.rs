//! Brings the database up to date: `DATABASE_URL` names a role that may create roles and schemas, and
//! `<SERVICE>_DB_PASSWORD` each service role's password.

use std::process::ExitCode;

use configmgt_migrations::{SCHEMAS, migrate};
use configmgt_process::settings;

fn main() -> ExitCode {
    configmgt_process::run("configmgt-migrate", || async {
        let database =
            settings::required("DATABASE_URL", "the database to bring up to date, as a role that may create roles")?;
        let mut schemas = Vec::new();
        for schema in &SCHEMAS {
            let name = settings::of_service(schema.service, "DB_PASSWORD");
            schemas.push((schema, settings::required(&name, "the password of the service's database role")?));
        }
        migrate(&database.parse()?, schemas).await?;
        Ok(())
    })
}
