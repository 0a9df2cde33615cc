//! Reading a body: within its length, its time and the budget of all bodies.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, header};
use http_body_util::BodyExt;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout, timeout_at};

use crate::app::App;
use crate::refused::Cause;

/// A body and its share of the budget, given back when this is dropped.
#[derive(Debug)]
pub(super) struct Bytes {
    pub(super) bytes: Vec<u8>,
    _share: Option<OwnedSemaphorePermit>,
}

/// How long a body waits for others to be done with.
const PATIENCE: Duration = Duration::from_secs(5);

/// A client that sends too much is read for so long before it is told, so that it can hear it.
const DRAIN: Duration = Duration::from_secs(2);

/// Reads a body of at most `max` bytes.
pub(super) async fn read(
    app: &App,
    headers: &HeaderMap,
    mut body: Body,
    max: usize,
) -> Result<Bytes, (Cause, String)> {
    let too_large = || {
        (
            Cause::TooLarge,
            format!("more than {max} bytes; split the payload"),
        )
    };
    let deadline = Instant::now() + app.config.body_timeout;
    let late = |_| {
        let text = format!(
            "the body did not arrive within {} s; send it faster or in parts",
            app.config.body_timeout.as_secs()
        );
        (Cause::Timeout, text)
    };
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|v| v.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|n| n > max) {
        drain(body).await;
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    let mut share: Option<OwnedSemaphorePermit> = None;
    while let Some(frame) = timeout_at(deadline, body.frame()).await.map_err(late)? {
        let frame = frame.map_err(|_| {
            (
                Cause::Timeout,
                "the connection ended before the body did".to_owned(),
            )
        })?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if bytes.len() + data.len() > max {
            drain(body).await;
            return Err(too_large());
        }
        // The vector doubles, so that is what is paid for.
        let wanted = ((bytes.len() + data.len()) * 2).div_ceil(1024);
        let paid = share.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        if wanted > paid {
            let more = app
                .permits
                .body_kib
                .clone()
                .acquire_many_owned((wanted - paid) as u32);
            let more = timeout(PATIENCE, more)
                .await
                .ok()
                .and_then(Result::ok)
                .ok_or_else(|| {
                    (
                        Cause::Overload,
                        "too many bodies at once; send again later, or raise --memory-max"
                            .to_owned(),
                    )
                })?;
            match &mut share {
                Some(share) => share.merge(more),
                none => *none = Some(more),
            }
        }
        bytes.extend_from_slice(&data);
    }
    Ok(Bytes {
        bytes,
        _share: share,
    })
}

async fn drain(mut body: Body) {
    let _ = timeout(DRAIN, async {
        while let Some(Ok(_)) = body.frame().await {}
    })
    .await;
}
