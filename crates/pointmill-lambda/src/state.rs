//! Everything a process has: where points go, what is open, what was counted.
//!
//! ```text
//!                     mode             custom points                      enhanced points
//! extension           buffer ──▶ datagrams ──────────────────▶ extension ◀── the same buffer
//! log                 buffer ──▶ lines ──────────────────────▶ stdout    ◀── the same buffer
//! log, aggregate      engine ──▶ lines ──────────────────────▶ stdout    ◀── buffer
//! http                engine ──▶ sketches ───────────────────▶ intake        buffer ──▶ stdout
//! http, points        buffer ──▶ distribution points ────────▶ intake        buffer ──▶ stdout
//! disabled            counted as dropped_disabled                            buffer ──▶ stdout
//! ```

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI64};
use std::sync::{Arc, Mutex, RwLock};

use pointmill::{Config, Engine};
use pointmill_deliver::{
    Client, ClientConfig, Clock, Destination, DestinationKind, DogstatsdDestination,
    HttpDestination, LogDestination,
};
use pointmill_wire::Format;

use crate::api_key::ApiKey;
use crate::aws::Service;
use crate::invocation::{Invocations, Sandbox};
use crate::language::{LayerTag, Profile};
use crate::raw::text::Form;
use crate::raw::{Buffer, ConstantTags};
use crate::settings::Settings;
use crate::stats::Counters;
use crate::timer::Timer;
use crate::warnings::Warnings;
use crate::{Library, Mode, NewError};

/// What becomes of a custom point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Custom {
    /// Aggregated by the engine.
    Engine,
    /// Kept in the buffer that enhanced points go through as well.
    Side,
    /// Kept in a buffer of its own.
    Points,
    /// Counted, no more.
    Nowhere,
}

/// What does not change, also in a forked child.
#[derive(Debug)]
pub(crate) struct Fixed {
    pub(crate) settings: Settings,
    pub(crate) mode: Mode,
    pub(crate) custom: Custom,
    pub(crate) extension_present: bool,
    pub(crate) library: Library,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) key: Arc<ApiKey>,
    pub(crate) engine: Engine,
    /// Delivers the engine's points where custom points are aggregated or go by HTTP.
    pub(crate) main: Option<Client>,
    /// Delivers the side buffer's points, and the engine's where there is no other client.
    pub(crate) side: Client,
    pub(crate) warnings: Warnings,
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) fixed: Arc<Fixed>,
    pub(crate) side: Buffer,
    pub(crate) points: Option<Buffer>,
    pub(crate) held: RwLock<HeldContexts>,
    pub(crate) counters: Counters,
    pub(crate) sandbox: Sandbox,
    pub(crate) invocations: Invocations,
    pub(crate) timer: Timer,
    /// Held by a flush from the drain until everything has been handed in, so that whoever flushes or
    /// closes meanwhile finds each point in the buffer or with delivery. A recorder that empties a
    /// full buffer does not wait for it.
    pub(crate) handing_over: Mutex<()>,
    pub(crate) closed: AtomicBool,
    /// Local tests' flushes that are due.
    pub(crate) local_flushes: AtomicI64,
    /// When the last flush ended, in milliseconds since 1970-01-01 UTC.
    pub(crate) flushed_unix_ms: AtomicI64,
    /// Whether a buffer has become half full since the last flush.
    pub(crate) half_full: AtomicBool,
}

/// Contexts of the engine that callers hold ids of, so that an id outlives the engine's idle time.
#[derive(Clone, Debug, Default)]
pub(crate) struct HeldContexts {
    pub(crate) by_id: HashMap<u64, HeldContext>,
}

#[derive(Clone, Debug)]
pub(crate) struct HeldContext {
    pub(crate) parts: Vec<Box<[u8]>>,
    /// The engine's id of it now.
    pub(crate) now: u64,
}

/// Flushes after which the engine gives a context back.
const IDLE_FLUSHES: u64 = 360;

impl State {
    pub(crate) fn new(
        settings: Settings,
        warnings: Warnings,
        clock: Arc<dyn Clock>,
        log: Option<OwnedFd>,
    ) -> Result<State, NewError> {
        let extension_present = Path::new(settings.text("extension_path")).exists();
        let mode = Mode::choose(&settings, extension_present);
        let custom = match mode {
            Mode::Disabled => Custom::Nowhere,
            Mode::Extension => Custom::Side,
            Mode::Log if settings.on("aggregate") => Custom::Engine,
            Mode::Log => Custom::Side,
            Mode::Http if settings.text("format") == "distribution_points" => Custom::Points,
            Mode::Http => Custom::Engine,
        };
        let now_ms = unix_ms(&*clock);
        let engine = engine(&settings, now_ms / 1000)?;
        let key = Arc::new(ApiKey::new(&settings));
        let side_destination = side_destination(&settings, mode, log)?;
        let main = match (mode, custom) {
            (Mode::Http, _) => Some(http_client(&settings, &engine, &key, &warnings)?),
            (_, Custom::Engine) => Some(log_client(&settings, &engine, &side_destination)?),
            _ => None,
        };
        let side = side_client(&engine, main.is_some(), mode, &settings, side_destination)?;
        let loaded = match settings.number("loaded_unix_ms") {
            0 => now_ms,
            told => i64::try_from(told).unwrap_or(now_ms),
        };
        let fixed = Fixed {
            mode,
            custom,
            extension_present,
            library: library(&settings),
            clock,
            key,
            engine,
            main,
            side,
            warnings,
            settings,
        };
        Ok(State::fresh(Arc::new(fixed), Sandbox::new(loaded), now_ms))
    }

    fn fresh(fixed: Arc<Fixed>, sandbox: Sandbox, now_ms: i64) -> State {
        let settings = &fixed.settings;
        let points_max = settings.number("buffer_points_max") as usize;
        let side_form = match fixed.mode {
            Mode::Extension => Form::Datagram,
            _ => Form::LogLine,
        };
        let mut side_tags = constant(settings, false);
        if fixed.mode == Mode::Extension {
            side_tags.before = settings.extension_tags();
        }
        let side = Buffer::new(side_form, side_tags, points_max);
        let points = (fixed.custom == Custom::Points).then(|| {
            Buffer::new(
                Form::DistributionPoints,
                constant(settings, true),
                points_max,
            )
        });
        State {
            side,
            points,
            held: RwLock::default(),
            counters: Counters::default(),
            sandbox,
            invocations: Invocations::new(),
            timer: Timer::default(),
            handing_over: Mutex::default(),
            closed: AtomicBool::new(false),
            local_flushes: AtomicI64::new(0),
            flushed_unix_ms: AtomicI64::new(now_ms),
            half_full: AtomicBool::new(false),
            fixed,
        }
    }

    /// The state of a forked child: the same places to go to and the same ids, no points.
    pub(crate) fn for_child(&self) -> State {
        let now_ms = unix_ms(&*self.fixed.clock);
        let mut child = State::fresh(Arc::clone(&self.fixed), self.sandbox.for_child(), now_ms);
        let points_max = self.fixed.settings.number("buffer_points_max") as usize;
        child.side = self.side.for_child(points_max);
        child.points = self.points.as_ref().map(|b| b.for_child(points_max));
        if let (Ok(held), Ok(mut of_child)) = (self.held.try_read(), child.held.write()) {
            of_child.clone_from(&held);
        }
        child
    }

    pub(crate) fn profile(&self) -> &'static Profile {
        self.fixed.settings.language().profile()
    }

    pub(crate) fn now_ms(&self) -> i64 {
        unix_ms(&*self.fixed.clock)
    }

    pub(crate) fn now_s(&self) -> i64 {
        self.now_ms() / 1000
    }
}

fn unix_ms(clock: &dyn Clock) -> i64 {
    i64::try_from(clock.unix_ms()).unwrap_or(i64::MAX)
}

/// Points of every age are taken: what is too old for whom depends on the mode.
fn engine(settings: &Settings, now_s: i64) -> Result<Engine, NewError> {
    let mut config = Config::default();
    config.idle_flushes = IDLE_FLUSHES;
    config.past_max_s = 1 << 40;
    config.future_max_s = 1 << 40;
    let _ = settings;
    Engine::new(&config, now_s).map_err(NewError::Engine)
}

/// An engine that nobody records into, for a client that only hands payloads in.
fn empty_engine() -> Result<Engine, NewError> {
    let mut config = Config::default();
    config.contexts_max = 1;
    config.threads_max = 1;
    config.arena_bytes = 1 << 20;
    Engine::new(&config, 0).map_err(NewError::Engine)
}

fn library(settings: &Settings) -> Library {
    let text = |name| settings.text(name).to_owned();
    Library {
        layer: settings.layer(),
        version: text("library_version"),
        language_version: text("language_version"),
        tracer_version: text("tracer_version"),
    }
}

fn layer_tag(settings: &Settings) -> String {
    let place = settings.language().profile().layer_tag;
    match (settings.layer(), place) {
        (layer, place) if layer.is_empty() || place == LayerTag::Absent => String::new(),
        (layer, _) => format!("dd_lambda_layer:{layer}"),
    }
}

fn constant(settings: &Settings, global: bool) -> ConstantTags {
    ConstantTags {
        layer: layer_tag(settings),
        place: settings.language().profile().layer_tag,
        before: Vec::new(),
        global: if global {
            settings.global_tags()
        } else {
            Vec::new()
        },
    }
}

/// What every client has: no thread of its own, and time as the settings give it.
fn client_config(settings: &Settings, format: Format) -> ClientConfig {
    let mut config = ClientConfig::default();
    config.background = false;
    config.attempt_timeout_ms = settings.number("flush_timeout_ms").clamp(1, 600_000);
    config.encode.format = format;
    config.destination = match format {
        Format::LogLines => DestinationKind::Log,
        Format::Dogstatsd => DestinationKind::Dogstatsd,
        _ => DestinationKind::Http,
    };
    config
}

fn side_destination(
    settings: &Settings,
    mode: Mode,
    log: Option<OwnedFd>,
) -> Result<Arc<dyn Destination>, NewError> {
    let mut config = client_config(settings, Format::LogLines);
    if mode == Mode::Extension {
        config.dogstatsd_url = settings.text("dogstatsd_url").to_owned();
        let destination = DogstatsdDestination::new(&config).map_err(NewError::Delivery)?;
        return Ok(Arc::new(destination));
    }
    if let Some(fd) = log {
        return Ok(Arc::new(LogDestination::from_fd(fd)));
    }
    config.log_fd = settings.number("log_fd");
    let destination = LogDestination::new(&config).map_err(NewError::Delivery)?;
    Ok(Arc::new(destination))
}

fn side_client(
    engine: &Engine,
    has_main: bool,
    mode: Mode,
    settings: &Settings,
    destination: Arc<dyn Destination>,
) -> Result<Client, NewError> {
    let format = match mode {
        Mode::Extension => Format::Dogstatsd,
        _ => Format::LogLines,
    };
    let mut config = client_config(settings, format);
    if mode == Mode::Extension {
        config.encode.tags = settings.extension_tags();
    }
    config
        .encode
        .tags
        .extend(Some(layer_tag(settings)).filter(|tag| !tag.is_empty()));
    let engine = if has_main { &empty_engine()? } else { engine };
    Client::with_destination(engine, &config, destination).map_err(NewError::Delivery)
}

/// The client of log mode with `aggregate`.
fn log_client(
    settings: &Settings,
    engine: &Engine,
    destination: &Arc<dyn Destination>,
) -> Result<Client, NewError> {
    let mut config = client_config(settings, Format::LogLines);
    config.encode.tags = Vec::from_iter(Some(layer_tag(settings)).filter(|tag| !tag.is_empty()));
    Client::with_destination(engine, &config, Arc::clone(destination)).map_err(NewError::Delivery)
}

/// The client of HTTP mode. A URL or proxy that is none becomes a warning, and the one in its place
/// is the default.
fn http_client(
    settings: &Settings,
    engine: &Engine,
    key: &Arc<ApiKey>,
    warnings: &Warnings,
) -> Result<Client, NewError> {
    let mut config = client_config(settings, Format::Intake);
    for name in ["site", "url", "proxy", "no_proxy"] {
        if let Err(error) = config.set(name, settings.text(name)) {
            warnings.say(format!("{error}; the default is used"));
        }
    }
    config.encode.tags = settings.global_tags();
    config
        .encode
        .tags
        .extend(Some(layer_tag(settings)).filter(|tag| !tag.is_empty()));
    let mut destination = HttpDestination::with_key(&config, Arc::clone(key) as _);
    if let Err(error) = &destination {
        warnings.say(format!("{error}; the proxy is not used"));
        config.proxy = String::new();
        destination = HttpDestination::with_key(&config, Arc::clone(key) as _);
    }
    let destination = Arc::new(destination.map_err(NewError::Delivery)?);
    let (region, parameter) = (settings.text("region"), settings.text("api_key_ssm_name"));
    let endpoint = settings.fips() && !Service::Ssm.has_fips(region);
    if !parameter.is_empty() && endpoint && !region.starts_with("us-gov-") {
        warnings.say(format!(
            "SSM has no FIPS endpoint in {region}: DD_API_KEY_SSM_NAME is looked up at the standard \
             one; use DD_API_KEY_SECRET_ARN, whose service has one"
        ));
    }
    if !settings.has_key_source() && settings.text("url").is_empty() {
        warnings.say(
            "no API key: set DD_API_KEY, DD_API_KEY_SECRET_ARN, DD_API_KEY_SSM_NAME or \
             DD_KMS_API_KEY, or DD_FLUSH_TO_LOG=true to write points to the log; until then \
             points wait in memory"
                .to_owned(),
        );
    }
    Client::with_destination(engine, &config, destination).map_err(NewError::Delivery)
}
