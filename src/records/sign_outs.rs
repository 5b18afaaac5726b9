//! Orders of an identity provider to sign somebody out. One ends what stands on assertions that were issued until then, and is
//! kept: of those that are still on their way nothing begins either (SAML core 3.7.3.2), on any node.

use super::{Change, Records, RecordsError, VouchedSession, hex};
use crate::ground::clock::Timestamp;

/// An identity provider's order to sign somebody out.
#[derive(Debug, Clone, Copy)]
pub struct SignOutOrder<'a> {
    /// As of [`VouchedSession`].
    pub subject: &'a [u8; 32],
    /// These sessions there; all, when none is named.
    pub session_indexes: &'a [String],
    /// By the identity provider's clock, as are the assertions that it is held against.
    pub issued: Timestamp,
    /// From then on nobody accepts an assertion that was issued until the order was.
    pub until: Timestamp,
}

/// The `session_index` of an order of all sessions; none is named so.
const ALL: &str = "";

impl Records {
    /// Ends the sessions that an order names, if their assertions were issued until then, and lets none begin by such an
    /// assertion from now on. A session that has no index cannot be told apart, and ends too. Gives the e-mail address of each.
    ///
    /// # Errors
    /// [`RecordsError`]
    pub async fn end_vouched_sessions(
        &self,
        order: &SignOutOrder<'_>,
    ) -> Result<Vec<String>, RecordsError> {
        let mut change = Change::begin(self).await?;
        change.line_up().await?;
        note(&mut change, order).await?;
        let rows: Vec<(i64, Option<String>, String)> = sqlx::query_as(
            "SELECT v.session, v.session_index, a.email FROM vouched_session v \
             JOIN session s ON s.id = v.session JOIN account a ON a.id = s.account \
             WHERE v.subject = $1 AND v.issued <= $2 ORDER BY v.session",
        )
        .bind(hex(order.subject))
        // Many write whole seconds: what began in the order's own was there when it was given.
        .bind(order.issued.as_millisecond().saturating_add(999))
        .fetch_all(&mut *change.tx)
        .await?;
        let named = |index: &Option<String>| {
            order.session_indexes.is_empty()
                || index.as_ref().is_none_or(|index| order.session_indexes.contains(index))
        };
        let mut ended = Vec::new();
        for (session, _, email) in rows.into_iter().filter(|(_, index, _)| named(index)) {
            let done = sqlx::query("DELETE FROM session WHERE id = $1")
                .bind(session)
                .execute(&mut *change.tx)
                .await?;
            ended.extend((done.rows_affected() > 0).then_some(email));
        }
        if ended.is_empty() {
            change.commit_quietly().await?;
        } else {
            let count = ended.len();
            let what = format!("{count} sessions ended by a logout at the identity provider");
            change.commit(&what).await?;
        }
        Ok(ended)
    }
}

async fn note(change: &mut Change, order: &SignOutOrder<'_>) -> Result<(), RecordsError> {
    sqlx::query("DELETE FROM sign_out_order WHERE until <= $1")
        .bind(change.now)
        .execute(&mut *change.tx)
        .await?;
    let all = order.session_indexes.is_empty().then_some(ALL);
    let named = order.session_indexes.iter().map(String::as_str);
    for index in named.chain(all) {
        sqlx::query(
            "INSERT INTO sign_out_order (subject, session_index, issued, until) \
             VALUES ($1, $2, $3, $4) ON CONFLICT (subject, session_index) DO UPDATE SET \
             issued = excluded.issued, until = excluded.until \
             WHERE excluded.issued > sign_out_order.issued",
        )
        .bind(hex(order.subject))
        .bind(index)
        .bind(order.issued.as_millisecond())
        .bind(order.until.as_millisecond())
        .execute(&mut *change.tx)
        .await?;
    }
    Ok(())
}

/// Whether the identity provider has ordered to sign out whom this assertion is about since it was issued. To be asked by who
/// has lined up.
pub(super) async fn is_ordered(
    change: &mut Change,
    vouched: &VouchedSession,
) -> Result<bool, RecordsError> {
    let found: Option<i64> = sqlx::query_scalar(
        "SELECT max(issued) FROM sign_out_order WHERE subject = $1 \
         AND ($2 = '' OR session_index = '' OR session_index = $2)",
    )
    .bind(hex(&vouched.subject))
    // As one that has no index here, so one that has an empty one: nobody could name it.
    .bind(vouched.session_index.as_deref().unwrap_or_default())
    .fetch_one(&mut *change.tx)
    .await?;
    // Of its own second it may be either: whoever signs in again at once is not kept out.
    Ok(found.is_some_and(|issued| issued > vouched.issued.as_millisecond()))
}
