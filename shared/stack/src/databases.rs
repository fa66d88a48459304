//! Databases for tests: each one fresh, with all schemas, in a PostgreSQL that the tests of one process share.

use configmgt_migrations::{Schema, migrate};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, postgres::PgConnectOptions};
use tokio::sync::OnceCell;
use uuid::Uuid;

use crate::{
    Postgres,
    product::{Accounts, ProductError, role},
    scratch,
};

/// What a fresh database is copied from: copying takes a fraction of migrating.
const TEMPLATE: &str = "configmgt_template";

struct Shared {
    postgres: Postgres,
    accounts: Accounts,
}

/// A database of its own for one test.
#[derive(Debug, Clone)]
pub struct Database {
    /// As the role that owns the schemas.
    pub owner: PgConnectOptions,
    /// The passwords of the services' roles, which all these databases share.
    pub accounts: Accounts,
}

impl Database {
    /// A fresh one.
    pub async fn create() -> Result<Self, ProductError> {
        static SHARED: OnceCell<Shared> = OnceCell::const_new();
        let Shared { postgres, accounts } = SHARED.get_or_try_init(prepare).await?;
        let name = format!("test_{}", Uuid::new_v4().simple());
        let mut maintenance = options(postgres, "postgres")?.connect().await?;
        // The name is made here, of letters and digits.
        let copy = format!("CREATE DATABASE {name} TEMPLATE {TEMPLATE}");
        sqlx::raw_sql(AssertSqlSafe(copy)).execute(&mut maintenance).await?;
        maintenance.close().await?;
        Ok(Self { owner: options(postgres, &name)?, accounts: accounts.clone() })
    }

    /// The one of a server that a test has to itself.
    pub async fn on(postgres: &Postgres) -> Result<Self, ProductError> {
        let accounts = Accounts::generate();
        let owner = template(postgres, &accounts).await?;
        Ok(Self { owner, accounts })
    }

    /// The schemas of the services, each with the password of its role.
    pub fn schemas(&self) -> impl Iterator<Item = (&'static Schema, String)> {
        self.accounts.schemas()
    }

    /// As the role of a service.
    pub fn of_service(&self, service: &str) -> PgConnectOptions {
        self.owner.clone().username(role(service)).password(self.accounts.password(service))
    }
}

async fn prepare() -> Result<Shared, ProductError> {
    let postgres = scratch::postgres()?;
    let accounts = Accounts::generate();
    template(&postgres, &accounts).await?;
    Ok(Shared { postgres, accounts })
}

async fn template(postgres: &Postgres, accounts: &Accounts) -> Result<PgConnectOptions, ProductError> {
    let mut maintenance = options(postgres, "postgres")?.connect().await?;
    sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE {TEMPLATE}"))).execute(&mut maintenance).await?;
    maintenance.close().await?;
    let template = options(postgres, TEMPLATE)?;
    migrate(&template, accounts.schemas()).await?;
    Ok(template)
}

fn options(postgres: &Postgres, database: &str) -> Result<PgConnectOptions, ProductError> {
    postgres.url(database).parse().map_err(ProductError::DatabaseUrl)
}
