//! A real Chromium, driven by its own protocol (DevTools) over a WebSocket.

use std::fs::{self, File};
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::sync::{Mutex, MutexGuard};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::support::{PATIENCE, eventually};

/// Names that the browser is installed under.
const NAMES: [&str; 4] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
];

/// Browsers are heavy: one at a time, whatever the number of test threads.
static TURN: Mutex<()> = Mutex::const_new(());

/// The browser to test with: `CHROMIUM_BIN`, else what is installed.
///
/// Without one the test is skipped, loudly; it fails instead where `REQUIRE_ALL=1`.
pub(crate) fn binary(test: &str) -> Option<PathBuf> {
    let named = std::env::var_os("CHROMIUM_BIN").map(PathBuf::from);
    let found = named.or_else(installed).filter(|path| path.exists());
    if found.is_none() {
        let required = std::env::var("REQUIRE_ALL").is_ok_and(|value| value == "1");
        assert!(
            !required,
            "{test}: no Chromium found; install it or set CHROMIUM_BIN"
        );
        // Written past the capture of a test's output: a skipped test counts as passed.
        let skipped = format!(
            "*** SKIPPED {test}: no Chromium; install the package chromium or set CHROMIUM_BIN ***"
        );
        let _ = writeln!(std::io::stderr(), "\n{skipped}\n");
    }
    found
}

fn installed() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let mut folders = std::env::split_paths(&path);
    folders.find_map(|folder| {
        let mut candidates = NAMES.iter().map(|name| folder.join(name));
        candidates.find(|file| file.is_file())
    })
}

/// How large the window is, and what of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Screen {
    Laptop,
    Phone,
}

/// A page in a browser of its own, which ends with it.
pub(crate) struct Page {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    session: Option<String>,
    calls: u64,
    /// What the browser told without being asked.
    events: Vec<Value>,
    process: Child,
    _folder: TempDir,
    _turn: MutexGuard<'static, ()>,
}

impl Page {
    /// Opens an address. `None` where there is no browser.
    pub(crate) async fn open(test: &str, url: &str) -> Option<Self> {
        let binary = binary(test)?;
        let turn = TURN.lock().await;
        let folder = tempfile::tempdir().unwrap();
        let mut process = start(&binary, folder.path());
        let socket = connect(&mut process, folder.path()).await;
        let mut page = Self {
            socket,
            session: None,
            calls: 0,
            events: Vec::new(),
            process,
            _folder: folder,
            _turn: turn,
        };
        let target = json!({"url": "about:blank"});
        let target = page.call("Target.createTarget", target).await["targetId"].take();
        let attach = json!({"targetId": target, "flatten": true});
        let attached = page.call("Target.attachToTarget", attach).await;
        page.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log", "Network", "Accessibility", "DOM"] {
            page.call(&format!("{domain}.enable"), json!({})).await;
        }
        page.show_on(Screen::Laptop).await;
        page.go(url).await;
        Some(page)
    }

    /// Loads an address.
    pub(crate) async fn go(&mut self, url: &str) {
        self.events
            .retain(|event| event["method"] != "Page.loadEventFired");
        let went = self.call("Page.navigate", json!({"url": url})).await;
        assert_eq!(went["errorText"], Value::Null, "{url}");
        if went["loaderId"].is_string() {
            self.event("Page.loadEventFired").await;
        }
    }

    /// Follows a link of the dashboard, as if it were typed.
    pub(crate) async fn show(&mut self, hash: &str) {
        self.run(&format!("location.hash = {}", json!(hash))).await;
    }

    /// Sizes the window.
    pub(crate) async fn show_on(&mut self, screen: Screen) {
        let (width, height, mobile) = match screen {
            Screen::Laptop => (1280, 800, false),
            Screen::Phone => (390, 844, true),
        };
        let metrics = json!({
            "width": width, "height": height, "mobile": mobile,
            "deviceScaleFactor": if mobile { 2 } else { 1 },
        });
        self.call("Emulation.setDeviceMetricsOverride", metrics)
            .await;
        self.call(
            "Emulation.setTouchEmulationEnabled",
            json!({"enabled": mobile}),
        )
        .await;
    }

    /// Chooses a colour scheme: `light` or `dark`.
    pub(crate) async fn prefer(&mut self, scheme: &str) {
        let feature = json!({"name": "prefers-color-scheme", "value": scheme});
        self.call("Emulation.setEmulatedMedia", json!({"features": [feature]}))
            .await;
    }

    /// What JavaScript in the page evaluates to. A promise is waited for.
    pub(crate) async fn run(&mut self, script: &str) -> Value {
        let evaluate = json!({
            "expression": script, "awaitPromise": true, "returnByValue": true,
        });
        let mut answer = self.call("Runtime.evaluate", evaluate).await;
        assert_eq!(answer["exceptionDetails"], Value::Null, "{script}");
        answer["result"]["value"].take()
    }

    /// Waits until JavaScript evaluates to something true, and returns it.
    pub(crate) async fn until(&mut self, script: &str) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let value = self.run(script).await;
            if !matches!(value, Value::Null | Value::Bool(false)) && value != "" {
                return value;
            }
            if Instant::now() > deadline {
                let shown = self.run("document.body.innerText").await;
                let shown = shown.as_str().unwrap_or_default();
                panic!("waited in vain for {script}; the page shows:\n{shown}");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until the text of an element holds some words.
    pub(crate) async fn reads(&mut self, selector: &str, words: &str) {
        let selector = json!(selector);
        let words = json!(words);
        self.until(&format!(
            "[...document.querySelectorAll({selector})].some((e) => e.innerText.includes({words}))"
        ))
        .await;
    }

    /// The texts of all elements of a selector.
    pub(crate) async fn texts(&mut self, selector: &str) -> Vec<String> {
        let script = format!(
            "[...document.querySelectorAll({})].map((e) => e.innerText)",
            json!(selector)
        );
        serde_json::from_value(self.run(&script).await).unwrap()
    }

    /// Clicks in the middle of the first element of a selector.
    pub(crate) async fn click(&mut self, selector: &str) {
        let script = format!(
            "(() => {{ const e = document.querySelector({}); e.scrollIntoView({{block: 'center'}}); \
             const r = e.getBoundingClientRect(); \
             return [r.x + r.width / 2, r.y + r.height / 2]; }})()",
            json!(selector)
        );
        let place = self.until(&script).await;
        for kind in ["mousePressed", "mouseReleased"] {
            let event = json!({
                "type": kind, "x": place[0], "y": place[1], "button": "left", "clickCount": 1,
            });
            self.call("Input.dispatchMouseEvent", event).await;
        }
    }

    /// Presses and releases a key.
    pub(crate) async fn press(&mut self, key: &str) {
        let (code, text) = match key {
            "Tab" => (9, ""),
            "Enter" => (13, "\r"),
            "Escape" => (27, ""),
            "/" => (191, "/"),
            other => panic!("the key {other} is not known here"),
        };
        for kind in ["keyDown", "keyUp"] {
            let mut event = json!({"type": kind, "key": key, "windowsVirtualKeyCode": code});
            if kind == "keyDown" && !text.is_empty() {
                event["text"] = json!(text);
            }
            self.call("Input.dispatchKeyEvent", event).await;
        }
    }

    /// Types into what has the focus.
    pub(crate) async fn write(&mut self, text: &str) {
        self.call("Input.insertText", json!({"text": text})).await;
    }

    /// The tree that a screen reader is told: `(role, name)` of what is not ignored.
    pub(crate) async fn told(&mut self) -> Vec<(String, String)> {
        let tree = self.call("Accessibility.getFullAXTree", json!({})).await;
        let nodes = tree["nodes"].as_array().unwrap().iter();
        let told = nodes.filter(|node| node["ignored"] == false);
        let word = |node: &Value, of: &str| {
            let value = node[of]["value"].as_str();
            value.unwrap_or_default().to_owned()
        };
        told.map(|node| (word(node, "role"), word(node, "name")))
            .collect()
    }

    /// How many bytes of bodies the page has received since it was opened.
    pub(crate) async fn received(&mut self) -> f64 {
        // An answer to a call comes after the events before it.
        self.run("0").await;
        let events = self.events.iter();
        let data = events.filter(|event| event["method"] == "Network.dataReceived");
        data.filter_map(|event| event["params"]["dataLength"].as_f64())
            .sum()
    }

    /// One of the browser's own measures, such as `Nodes` or `TaskDuration` (seconds of CPU time).
    pub(crate) async fn measure(&mut self, name: &str) -> f64 {
        let cpu_time = json!({"timeDomain": "threadTicks"});
        self.call("Performance.enable", cpu_time).await;
        let metrics = self.call("Performance.getMetrics", json!({})).await;
        let metrics = metrics["metrics"].as_array().unwrap();
        let metric = metrics.iter().find(|metric| metric["name"] == name);
        metric.and_then(|m| m["value"].as_f64()).unwrap()
    }

    /// Makes the page's garbage go, so that what is measured is in use.
    pub(crate) async fn tidy(&mut self) {
        self.call("HeapProfiler.collectGarbage", json!({})).await;
    }

    /// Writes what is seen into `target/screenshots`, the whole page.
    pub(crate) async fn picture(&mut self, name: &str) -> PathBuf {
        let capture = json!({"format": "png", "captureBeyondViewport": true});
        let picture = self.call("Page.captureScreenshot", capture).await;
        let data = picture["data"].as_str().unwrap();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/screenshots");
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join(format!("{name}.png"));
        fs::write(&file, BASE64_STANDARD.decode(data).unwrap()).unwrap();
        file
    }

    /// What went wrong in the page so far: exceptions, errors in its console, refusals by its content
    /// security policy, and requests to anybody but its own server.
    pub(crate) fn complaints(&self, server: SocketAddr) -> Vec<String> {
        let own = format!("http://{server}/");
        let complaints = self.events.iter().filter_map(|event| {
            let of = &event["params"];
            match event["method"].as_str()? {
                "Runtime.exceptionThrown" => Some(of["exceptionDetails"].to_string()),
                "Runtime.consoleAPICalled" if of["type"] == "error" => Some(of["args"].to_string()),
                "Log.entryAdded" if of["entry"]["level"] == "error" => {
                    Some(of["entry"].to_string())
                }
                "Network.requestWillBeSent" => {
                    let url = of["request"]["url"].as_str()?;
                    (!url.starts_with(&own)).then(|| format!("a request to {url}"))
                }
                _ => None,
            }
        });
        complaints.collect()
    }

    /// Calls a method of the protocol; panics where the browser refuses it.
    pub(crate) async fn call(&mut self, method: &str, params: Value) -> Value {
        self.calls += 1;
        let id = self.calls;
        let mut call = json!({"id": id, "method": method, "params": params});
        if let Some(session) = &self.session {
            call["sessionId"] = json!(session);
        }
        let message = Message::text(call.to_string());
        self.socket.send(message).await.unwrap();
        loop {
            let mut message = self.next().await;
            if message["id"] == id {
                assert_eq!(message["error"], Value::Null, "{method}");
                return message["result"].take();
            }
            self.events.push(message);
        }
    }

    /// Waits for an event that was not there before.
    async fn event(&mut self, method: &str) {
        while !self.events.iter().any(|event| event["method"] == method) {
            let message = self.next().await;
            self.events.push(message);
        }
    }

    async fn next(&mut self) -> Value {
        let message = tokio::time::timeout(PATIENCE, self.socket.next()).await;
        let message = message.expect("Chromium says nothing").unwrap().unwrap();
        serde_json::from_str(message.to_text().unwrap()).unwrap_or_default()
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Starts a browser without a window. What it says goes into the folder, which holds its profile too.
fn start(binary: &Path, folder: &Path) -> Child {
    let mut command = Command::new(binary);
    command
        .args(["--headless=new", "--remote-debugging-port=0"])
        .arg(format!("--user-data-dir={}/profile", folder.display()))
        .args(["--no-first-run", "--no-proxy-server", "--disable-gpu"])
        .args(["--disable-dev-shm-usage", "--disable-extensions"])
        .args(["--disable-background-networking", "--hide-scrollbars"])
        .arg("--disable-component-update");
    if is_root() {
        // Chromium has no sandbox for root, who runs tests in containers. It only sees the dashboard.
        command.arg("--no-sandbox");
    }
    let said = File::create(folder.join("said")).unwrap();
    let command = command.stdin(Stdio::null()).stdout(Stdio::null());
    command.stderr(said).spawn().unwrap()
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

/// Waits for the browser to say where it listens. It writes the same into its profile, but some
/// distributions keep that where nobody else can read it.
async fn connect(process: &mut Child, folder: &Path) -> WebSocketStream<MaybeTlsStream<TcpStream>> {
    let url = eventually("Chromium starts", async || {
        let said = fs::read_to_string(folder.join("said")).unwrap_or_default();
        let ended = process.try_wait().unwrap();
        assert!(ended.is_none(), "Chromium ended: {said}");
        let (_, url) = said.split_once("DevTools listening on ")?;
        Some(url.split_once('\n')?.0.trim().to_owned())
    })
    .await;
    connect_async(url).await.unwrap().0
}
