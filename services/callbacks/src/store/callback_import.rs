use configmgt_contract::callback_requests::Contact;
use sqlx::PgConnection;
use tracing::instrument;
use uuid::Uuid;

/// A request as a line of a file makes it.
pub(crate) struct ImportedRequest {
    /// Those of later lines come after it.
    pub(crate) uuid: Uuid,
    /// The number of the line in the file.
    pub(crate) line: u64,
    pub(crate) contact: Contact,
    /// Its numbers as they are dialled.
    pub(crate) dialled: Vec<String>,
    pub(crate) due_date: String,
    pub(crate) period: Uuid,
}

/// A period by its name.
pub(crate) struct NamedPeriod {
    pub(crate) uuid: Uuid,
    pub(crate) name: String,
    pub(crate) is_default: bool,
}

/// All periods, which stay until the transaction ends.
#[instrument(level = "debug", name = "SELECT preferred_callback_period", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn periods(connection: &mut PgConnection) -> sqlx::Result<Vec<NamedPeriod>> {
    let periods =
        sqlx::query_as!(NamedPeriod, "SELECT uuid, name, is_default FROM preferred_callback_period FOR KEY SHARE");
    periods.fetch_all(connection).await
}

/// Those of these numbers, as they are dialled, that open requests of the list have.
#[instrument(level = "debug", name = "SELECT callback_request", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn open_numbers(
    connection: &mut PgConnection,
    list: Uuid,
    numbers: &[&str],
) -> sqlx::Result<Vec<String>> {
    let open = sqlx::query_scalar!(
        // Number by number: for many at once the database, which does not know yet how many rows the list has by now, would read all
        // of them.
        r#"SELECT given.number AS "number!" FROM unnest($2::text[]) AS given(number)
           CROSS JOIN LATERAL (
               SELECT 1 FROM callback_request
               WHERE list_uuid = $1 AND NOT clotured AND phone_number IS NOT NULL AND dialled(phone_number) = given.number
               UNION ALL
               SELECT 1 FROM callback_request
               WHERE list_uuid = $1 AND NOT clotured AND mobile_phone_number IS NOT NULL
                 AND dialled(mobile_phone_number) = given.number
               LIMIT 1) AS open"#,
        list,
        numbers as &[&str]
    );
    open.fetch_all(connection).await
}

/// Adds the requests to the list.
#[instrument(level = "debug", name = "INSERT callback_request", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn insert(
    connection: &mut PgConnection,
    list: Uuid,
    queue_id: i32,
    requests: &[ImportedRequest],
) -> sqlx::Result<()> {
    fn column(requests: &[ImportedRequest], field: fn(&Contact) -> &Option<String>) -> Vec<Option<&str>> {
        requests.iter().map(|request| field(&request.contact).as_deref()).collect()
    }
    let uuids: Vec<_> = requests.iter().map(|request| request.uuid).collect();
    let phones = column(requests, |contact| &contact.phone_number);
    let mobiles = column(requests, |contact| &contact.mobile_phone_number);
    let first_names = column(requests, |contact| &contact.first_name);
    let last_names = column(requests, |contact| &contact.last_name);
    let companies = column(requests, |contact| &contact.company);
    let descriptions = column(requests, |contact| &contact.description);
    let due_dates: Vec<_> = requests.iter().map(|request| request.due_date.as_str()).collect();
    let periods: Vec<_> = requests.iter().map(|request| request.period).collect();
    let insertion = sqlx::query!(
        "INSERT INTO callback_request (uuid, list_uuid, queue_id, phone_number, mobile_phone_number, first_name, last_name,
                                       company, description, due_date, period_uuid)
         SELECT uuid, $1, $2, phone, mobile, first_name, last_name, company, description, due::date, period
         FROM unnest($3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[],
                     $11::uuid[])
              AS given(uuid, phone, mobile, first_name, last_name, company, description, due, period)",
        list,
        queue_id,
        &uuids,
        &phones as &[Option<&str>],
        &mobiles as &[Option<&str>],
        &first_names as &[Option<&str>],
        &last_names as &[Option<&str>],
        &companies as &[Option<&str>],
        &descriptions as &[Option<&str>],
        &due_dates as &[&str],
        &periods
    );
    insertion.execute(connection).await.map(|_| ())
}
