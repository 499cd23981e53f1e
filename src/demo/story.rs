//! What the demo shows, scene by scene.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::Failure;
use super::client::{Answer, Target};
use super::load::Load;
use super::screen::Screen;
use super::stage::{SHOP_HOST, SNI_HOST, Stage, VHOST};

/// How long anything may take to be seen.
const PATIENCE: Duration = Duration::from_secs(20);
/// Between two looks.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// How long requests go on after the last new instance answered.
const AFTERWARDS: Duration = Duration::from_secs(1);

/// Tells the whole story.
pub(super) async fn tell(stage: &mut Stage, screen: &mut Screen) -> Result<(), Failure> {
    screen.scene(&format!(
        "A service scaled to 4 is deployed ({})",
        stage.svcweb.from
    ));
    screen.command("om svcweb deploy --config svcweb.conf");
    stage.deploy("svcweb", &stage.svcweb, &stage.ports.svcweb_changes())?;
    for target in everything(stage) {
        served(stage, &target).await?;
    }
    let addresses: Vec<String> = (0..4)
        .flat_map(|index| stage.node.addresses(&format!("{index}.svcweb")))
        .map(|address| address.to_string())
        .collect();
    screen.say(&format!(
        "instances 0.svcweb to 3.svcweb at {}",
        addresses.join(", ")
    ));

    let l4 = stage.l4();
    screen.scene(&format!("expose#0: L4 on port {}", l4.port));
    requests(stage, screen, &l4, 4).await;

    let sni = stage.target(SNI_HOST, "/");
    screen.scene(&format!(
        "expose#1: TLS for {SNI_HOST} (SNI) on port {}",
        sni.port
    ));
    requests(stage, screen, &sni, 2).await;

    let vhost = stage.target(VHOST, "/");
    screen.scene(&format!(
        "expose#2: https for {VHOST} (vhost) on port {}",
        vhost.port
    ));
    requests(stage, screen, &vhost, 2).await;
    websocket(stage, screen).await;

    scale(stage, screen).await;
    refusal(stage, screen).await?;
    match stage.envoy.ended() {
        Some(why) => Err(why.into()),
        None => Ok(()),
    }
}

/// What svcweb exposes.
fn everything(stage: &Stage) -> [Target; 3] {
    [
        stage.l4(),
        stage.target(SNI_HOST, "/"),
        stage.target(VHOST, "/"),
    ]
}

/// Waits for a target to be served.
async fn served(stage: &mut Stage, target: &Target) -> Result<Answer, Failure> {
    let start = Instant::now();
    loop {
        match stage.client.get(target).await {
            Ok(answer) if answer.status == 200 => return Ok(answer),
            other if start.elapsed() > PATIENCE => {
                let last = other.map_or_else(|error| error, |a| format!("status {}", a.status));
                return Err(format!(
                    "{} is not served after {} s: {last}",
                    target.url("http"),
                    PATIENCE.as_secs()
                )
                .into());
            }
            _ => {}
        }
        if let Some(why) = stage.envoy.ended() {
            return Err(why.into());
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// Makes requests until `instances` have answered, and shows the first answer of each.
async fn requests(stage: &Stage, screen: &mut Screen, target: &Target, instances: usize) {
    let what = format!("{} answered by {instances} instances", target.url("http"));
    let request = format!("GET {}", target.url("http"));
    let mut seen = BTreeSet::new();
    for _ in 0..instances * 8 {
        match stage.client.get(target).await {
            Ok(answer) if answer.status == 200 => {
                if seen.insert(answer.instance.clone()) {
                    screen.answered(&request, &answer);
                }
            }
            Ok(answer) => return screen.check(&what, Err(format!("status {}", answer.status))),
            Err(error) => return screen.check(&what, Err(error)),
        }
        if seen.len() == instances {
            return;
        }
    }
    screen.check(&what, Err(format!("only {} answered", seen.len())));
}

async fn websocket(stage: &Stage, screen: &mut Screen) {
    let target = stage.target(VHOST, "/realtime/generic");
    let url = target.url("ws");
    match stage.client.websocket(&target, "hello").await {
        Ok((answer, reply)) if reply.starts_with("hello") => {
            screen.answered(&format!("WS  {url}"), &answer);
            screen.say(&format!("    sent 'hello', received '{reply}'"));
        }
        Ok((_, reply)) => screen.check(&url, Err(format!("received '{reply}'"))),
        Err(error) => screen.check(&url, Err(error)),
    }
}

async fn scale(stage: &Stage, screen: &mut Screen) {
    screen.scene("The service grows from 4 to 6 while requests go on");
    let load = Load::start(&stage.client, &everything(stage));
    let what = "six instances answer, and no request fails";
    if let Err(why) = instances(&load, 4).await {
        return screen.check(what, Err(why));
    }
    screen.command("om svcweb scale --to 6");
    stage.node.scale("svcweb", 6);
    stage.node.flush();
    let grown = instances(&load, 6).await;
    tokio::time::sleep(AFTERWARDS).await;
    let tally = load.tally();
    drop(load);
    let failed: u64 = tally.failed.values().sum();
    let reasons: Vec<String> = tally
        .failed
        .iter()
        .map(|(why, count)| format!("{count} × {why}"))
        .collect();
    screen.check(
        what,
        match grown {
            Err(why) => Err(why),
            Ok(()) if failed > 0 => Err(format!("{failed} failed: {}", reasons.join(", "))),
            Ok(()) => Ok(format!(
                "{} requests, 0 failed, answered by {}",
                tally.answered,
                tally.instances.into_iter().collect::<Vec<_>>().join(" ")
            )),
        },
    );
}

/// Waits until that many instances have answered.
async fn instances(load: &Load, count: usize) -> Result<(), String> {
    let start = Instant::now();
    while load.tally().instances.len() < count {
        if start.elapsed() > PATIENCE {
            let seen = load.tally().instances.len();
            return Err(format!("only {seen} instances answered"));
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    Ok(())
}

/// Shows what the gateway finds wrong in svcshop, and what that means for the expose.
async fn told(stage: &mut Stage, screen: &mut Screen, outcome: &str) -> Result<(), Failure> {
    match tokio::time::timeout(PATIENCE, stage.gateway.refusal("svcshop")).await {
        Ok(message) => screen.say(&format!("{outcome}: svcshop {}", message?)),
        Err(_) => screen.check(
            "what is wrong with svcshop expose#1",
            Err("no message".to_owned()),
        ),
    }
    Ok(())
}

async fn refusal(stage: &mut Stage, screen: &mut Screen) -> Result<(), Failure> {
    screen.scene(&format!(
        "A service with a bad expose is refused, its good one served ({})",
        stage.svcshop.from
    ));
    screen.command("om svcshop deploy --config svcshop.conf");
    stage.deploy("svcshop", &stage.svcshop, &stage.ports.svcshop_changes())?;
    told(stage, screen, "refused").await?;
    let shop = stage.target(SHOP_HOST, "/");
    for target in [shop, stage.target(VHOST, "/")] {
        let answer = served(stage, &target).await?;
        screen.answered(&format!("GET {}", target.url("http")), &answer);
    }

    screen.command("om svcshop set --kw expose#1.port=8081");
    stage.node.set("svcshop", &["expose#1.port=8081"])?;
    stage.node.flush();
    let mended = Target {
        port: stage.ports.mended,
        ..stage.target(SHOP_HOST, "/")
    };
    let answer = served(stage, &mended).await?;
    screen.answered(&format!("GET {}", mended.url("http")), &answer);

    screen.scene("A mistake in what is served already: the last good version stays");
    screen.command("om svcshop set --kw expose#1.port=80810");
    stage.node.set("svcshop", &["expose#1.port=80810"])?;
    stage.node.flush();
    told(stage, screen, "kept as it was").await?;
    let answer = served(stage, &mended).await?;
    screen.answered(&format!("GET {}", mended.url("http")), &answer);
    Ok(())
}
