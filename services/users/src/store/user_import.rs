use configmgt_contract::password::Password;
use sqlx::PgConnection;
use tracing::instrument;

use super::lines::{DRAWS, NewLine, drew_the_same};

/// A user as a line of a file makes it, without its password's hash.
pub(crate) struct NewUser {
    /// The number of the line in the file.
    pub(crate) line: i64,
    pub(crate) firstname: String,
    pub(crate) lastname: String,
    pub(crate) login: Option<String>,
    pub(crate) password: Option<Password>,
    pub(crate) email: Option<String>,
    pub(crate) mobile_phone_number: Option<String>,
    pub(crate) external_phone_number: Option<String>,
    pub(crate) entity: Option<String>,
    /// Names with commas between, which no name has.
    pub(crate) labels: String,
    /// The line that it telephones with.
    pub(crate) telephone: Option<NewLine>,
}

/// What is in the way of a user.
pub(crate) struct Problem {
    pub(crate) line: i64,
    kind: String,
    value: String,
}

impl Problem {
    pub(crate) fn column(&self) -> Option<&'static str> {
        let columns = ["login", "email", "extension", "entity", "labels", "context", "site"];
        columns.into_iter().find(|column| *column == self.kind)
    }

    pub(crate) fn reason(&self) -> String {
        let Self { kind, value, .. } = self;
        match kind.as_str() {
            "login" | "email" | "extension" => format!("'{value}' is taken, by another line or before"),
            "labels" => format!("there is no label '{value}'"),
            "site" => format!("there is no media server '{value}'"),
            kind => format!("there is no {kind} '{value}'"),
        }
    }
}

/// Whether this is the only import of users that is under way. Holds until the transaction ends.
#[instrument(level = "debug", name = "SELECT pg_try_advisory_xact_lock", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn claim(connection: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT pg_try_advisory_xact_lock(hashtext('configmgt import'), hashtext(current_schema())) AS "claimed!""#
    )
    .fetch_one(connection)
    .await
}

/// What is in the way of these users, in the order of their lines: what is taken, by them or before, and what does not exist.
#[instrument(level = "debug", name = "SELECT users", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn problems(connection: &mut PgConnection, users: &[NewUser]) -> sqlx::Result<Vec<Problem>> {
    fn of_line(users: &[NewUser], field: fn(&NewLine) -> &String) -> Vec<Option<&str>> {
        users.iter().map(|user| user.telephone.as_ref().map(|line| field(line).as_str())).collect()
    }
    let lines: Vec<_> = users.iter().map(|user| user.line).collect();
    let logins: Vec<_> = users.iter().map(|user| user.login.as_deref()).collect();
    let emails: Vec<_> = users.iter().map(|user| user.email.as_deref()).collect();
    let entities: Vec<_> = users.iter().map(|user| user.entity.as_deref()).collect();
    let labels: Vec<_> = users.iter().map(|user| user.labels.as_str()).collect();
    let extensions = of_line(users, |line| &line.extension);
    let contexts = of_line(users, |line| &line.context);
    let sites = of_line(users, |line| &line.site);
    let problems = sqlx::query_as!(
        Problem,
        r#"WITH given AS MATERIALIZED (
               SELECT g.*, row_number() OVER (PARTITION BY login ORDER BY line)              AS login_turn,
                           row_number() OVER (PARTITION BY email ORDER BY line)              AS email_turn,
                           row_number() OVER (PARTITION BY extension, context ORDER BY line) AS extension_turn
               FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[])
                    AS g(line, login, email, entity, labels, extension, context, site))
           SELECT line AS "line!", kind AS "kind!", value AS "value!" FROM (
               SELECT line, 1 AS place, 'login' AS kind, login AS value FROM given
               WHERE login IS NOT NULL AND (login_turn > 1 OR login IN (SELECT u.login FROM users u WHERE u.login = ANY ($2)))
               UNION ALL
               SELECT line, 2, 'email', email FROM given
               WHERE email IS NOT NULL AND (email_turn > 1 OR email IN (SELECT u.email FROM users u WHERE u.email = ANY ($3)))
               UNION ALL
               SELECT line, 3, 'entity', entity FROM given
               WHERE entity IS NOT NULL AND NOT EXISTS (SELECT FROM entity e WHERE e.name = given.entity)
               UNION ALL
               SELECT line, 4, 'labels', named FROM given, unnest(string_to_array(labels, ',')) AS named
               WHERE NOT EXISTS (SELECT FROM label l WHERE l.name = named)
               UNION ALL
               SELECT line, 5, 'extension', extension FROM given
               WHERE extension IS NOT NULL AND (extension_turn > 1 OR (extension, context) IN (
                   SELECT l.extension, l.context FROM line l WHERE l.extension = ANY ($6)))
               UNION ALL
               SELECT line, 6, 'context', context FROM given
               WHERE context IS NOT NULL AND NOT EXISTS (SELECT FROM context c WHERE c.name = given.context)
               UNION ALL
               SELECT line, 7, 'site', site FROM given
               WHERE site IS NOT NULL AND NOT EXISTS (SELECT FROM mediaserver m WHERE m.name = given.site)) AS problem
           ORDER BY line, place"#,
        &lines,
        &logins as &[Option<&str>],
        &emails as &[Option<&str>],
        &entities as &[Option<&str>],
        &labels as &[&str],
        &extensions as &[Option<&str>],
        &contexts as &[Option<&str>],
        &sites as &[Option<&str>]
    );
    problems.fetch_all(connection).await
}

/// Adds the users with these hashes of their passwords, and their lines.
pub(crate) async fn insert(
    connection: &mut PgConnection,
    users: &[NewUser],
    hashes: &[Option<String>],
) -> sqlx::Result<()> {
    if users.is_empty() {
        return Ok(());
    }
    let ids = ids(connection, users.len()).await?;
    insert_users(connection, &ids, users, hashes).await?;
    let lines: Vec<_> =
        ids.iter().zip(users).filter_map(|(id, user)| user.telephone.as_ref().map(|line| (*id, line))).collect();
    for _ in 1..DRAWS {
        sqlx::raw_sql("SAVEPOINT draw").execute(&mut *connection).await?;
        match insert_lines(connection, &lines).await {
            Err(error) if drew_the_same(&error) => {
                sqlx::raw_sql("ROLLBACK TO SAVEPOINT draw").execute(&mut *connection).await?;
            }
            outcome => {
                outcome?;
                sqlx::raw_sql("RELEASE SAVEPOINT draw").execute(&mut *connection).await?;
                return Ok(());
            }
        }
    }
    insert_lines(connection, &lines).await
}

/// Ids for so many users, in the order in which they are to be given.
#[instrument(level = "debug", name = "SELECT nextval", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
async fn ids(connection: &mut PgConnection, count: usize) -> sqlx::Result<Vec<i32>> {
    let count = i32::try_from(count).unwrap_or(i32::MAX);
    let ids = sqlx::query_scalar!(
        r#"SELECT nextval('users_id_seq')::integer AS "id!" FROM generate_series(1, $1) ORDER BY 1"#,
        count
    );
    ids.fetch_all(connection).await
}

#[instrument(level = "debug", name = "INSERT users", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
async fn insert_users(
    connection: &mut PgConnection,
    ids: &[i32],
    users: &[NewUser],
    hashes: &[Option<String>],
) -> sqlx::Result<()> {
    let firstnames: Vec<_> = users.iter().map(|user| user.firstname.as_str()).collect();
    let lastnames: Vec<_> = users.iter().map(|user| user.lastname.as_str()).collect();
    let logins: Vec<_> = users.iter().map(|user| user.login.as_deref()).collect();
    let emails: Vec<_> = users.iter().map(|user| user.email.as_deref()).collect();
    let mobiles: Vec<_> = users.iter().map(|user| user.mobile_phone_number.as_deref()).collect();
    let externals: Vec<_> = users.iter().map(|user| user.external_phone_number.as_deref()).collect();
    let entities: Vec<_> = users.iter().map(|user| user.entity.as_deref()).collect();
    let labels: Vec<_> = users.iter().map(|user| user.labels.as_str()).collect();
    let insertion = sqlx::query!(
        "INSERT INTO users (id, firstname, lastname, login, password_hash, email, mobile_phone_number, external_phone_number,
                            entity, labels)
         SELECT id, firstname, lastname, login, hash, email, mobile, external, entity, string_to_array(labels, ',')
         FROM unnest($1::integer[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
                     $9::text[], $10::text[])
              AS given(id, firstname, lastname, login, hash, email, mobile, external, entity, labels)
         ORDER BY id",
        ids,
        &firstnames as &[&str],
        &lastnames as &[&str],
        &logins as &[Option<&str>],
        hashes as &[Option<String>],
        &emails as &[Option<&str>],
        &mobiles as &[Option<&str>],
        &externals as &[Option<&str>],
        &entities as &[Option<&str>],
        &labels as &[&str]
    );
    insertion.execute(connection).await.map(|_| ())
}

#[instrument(level = "debug", name = "INSERT line", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
async fn insert_lines(connection: &mut PgConnection, lines: &[(i32, &NewLine)]) -> sqlx::Result<()> {
    let users: Vec<_> = lines.iter().map(|(user, _)| *user).collect();
    let types: Vec<_> = lines.iter().map(|(_, line)| line.line_type.name()).collect();
    let contexts: Vec<_> = lines.iter().map(|(_, line)| line.context.as_str()).collect();
    let extensions: Vec<_> = lines.iter().map(|(_, line)| line.extension.as_str()).collect();
    let sites: Vec<_> = lines.iter().map(|(_, line)| line.site.as_str()).collect();
    let names: Vec<_> = lines.iter().map(|(_, line)| line.name.as_deref()).collect();
    let line_nums: Vec<_> = lines.iter().map(|(_, line)| line.line_num).collect();
    let devices: Vec<_> = lines.iter().map(|(_, line)| line.device.as_deref()).collect();
    let codes = i32::try_from(names.iter().filter(|name| name.is_none()).count()).unwrap_or(i32::MAX);
    let insertion = sqlx::query!(
        "INSERT INTO line (user_id, line_type, context, extension, site, name, line_num, provisioning_id, device)
         SELECT user_id, line_type, context, extension, site, coalesce(given.name, free_line_name()), line_num, free.code, device
         FROM (SELECT *, CASE WHEN name IS NULL THEN count(*) FILTER (WHERE name IS NULL) OVER (ORDER BY user_id) END AS turn
               FROM unnest($1::integer[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::integer[], $8::text[])
                    AS g(user_id, line_type, context, extension, site, name, line_num, device)) AS given
         LEFT JOIN free_provisioning_ids($9) WITH ORDINALITY AS free(code, turn) ON free.turn = given.turn
         ORDER BY user_id",
        &users,
        &types as &[&str],
        &contexts as &[&str],
        &extensions as &[&str],
        &sites as &[&str],
        &names as &[Option<&str>],
        &line_nums,
        &devices as &[Option<&str>],
        codes
    );
    insertion.execute(connection).await.map(|_| ())
}
