//! HTTP, by virtual host and route.

use std::collections::BTreeSet;

use igw_envoy::simnode::Workload;

use crate::backends::HTTP;
use crate::clients::{self, Answer, Request};
use crate::eventually;
use crate::gateway::Gateway;
use crate::load::Load;

pub(crate) async fn stories(gateway: &mut Gateway) {
    services_share_a_port_by_host(gateway).await;
    routes_match_and_rewrite(gateway).await;
    routes_redirect(gateway).await;
    a_header_may_name_the_cluster(gateway).await;
    websockets_are_allowed_unless_they_are_not(gateway).await;
    hash_policies_stick(gateway).await;
    routes_change_and_instances_come_and_go_under_load(gateway).await;
    gateway.was_never_refused().await;
}

/// Waits for a first answer of a status.
async fn answered(request: &Request, status: u16) -> Answer {
    eventually(format!("{request:?}"), || async {
        let answer = clients::http(request).await?;
        match answer.status == status {
            true => Ok(answer),
            false => Err(format!("{answer:?}")),
        }
    })
    .await
}

async fn services_share_a_port_by_host(gateway: &Gateway) {
    for (last, service) in [(2, "blog"), (3, "wiki")] {
        let address = gateway.service_address(last);
        gateway.backends.start(service, address);
        gateway.deploy(
            service,
            &format!(
                "[ip#1]\nipname = {address}\nexpose = expose#0\n\
                 [expose#0]\ntype = envoy\nport = {HTTP}\nlistener_port = 8080\nvhosts = vhost#0\n\
                 [vhost#0]\ntype = envoy\ndomains = {service}.org *.{service}.org\nroutes = route#0\n\
                 [route#0]\ntype = envoy\nmatch_prefix = /\n"
            ),
        );
    }
    for (host, service) in [
        ("blog.org", "blog"),
        ("wiki.org", "wiki"),
        ("wiki.org:8080", "wiki"),
        ("WIKI.org", "wiki"),
        ("any.blog.org", "blog"),
        ("any.blog.org:8080", "blog"),
    ] {
        let request = gateway.get(8080, host, "/");
        assert_eq!(answered(&request, 200).await.instance(), service, "{host}");
        let answer = clients::http(&request.version_2()).await.unwrap();
        assert_eq!(answer.instance(), service, "{host} over HTTP/2");
    }
    let nobody = clients::http(&gateway.get(8080, "nobody.org", "/"))
        .await
        .unwrap();
    assert_eq!((nobody.status, nobody.instance()), (404, ""));
}

async fn routes_match_and_rewrite(gateway: &Gateway) {
    let address = gateway.service_address(4);
    gateway.backends.start("routes", address);
    gateway.deploy(
        "routes",
        &format!(
            "[ip#1]\nipname = {address}\nexpose = expose#0\n\
             [expose#0]\ntype = envoy\nport = {HTTP}\nlistener_port = 8080\nvhosts = vhost#0\n\
             [vhost#0]\ntype = envoy\ndomains = routes.org\n\
             routes = route#path route#rewrite route#caseless route#regex route#host route#slow route#patient\n\
             [route#path]\ntype = envoy\nmatch_path = /exactly\n\
             [route#rewrite]\ntype = envoy\nmatch_prefix = /v1/\nroute_prefix_rewrite = /v2/\n\
             [route#caseless]\ntype = envoy\nmatch_prefix = /static/\nmatch_case_sensitive = false\n\
             [route#regex]\ntype = envoy\nmatch_regex = /item/[0-9]{{1,3}}\n\
             [route#host]\ntype = envoy\nmatch_path = /host\nroute_host_rewrite = inner.org\n\
             [route#slow]\ntype = envoy\nmatch_path = /slow\nroute_timeout = 100ms\n\
             [route#patient]\ntype = envoy\nmatch_path = /never\nroute_timeout = 0\n"
        ),
    );
    let get = |path: &str| gateway.get(8080, "routes.org", path);
    answered(&get("/exactly"), 200).await;
    for (path, status, seen) in [
        ("/exactly?a=b", 200, "/exactly?a=b"),
        ("/exactly/not", 404, ""),
        ("/v1/x?y", 200, "/v2/x?y"),
        ("/STATIC/logo", 200, "/STATIC/logo"),
        ("/item/12", 200, "/item/12"),
        ("/item/1234", 404, ""),
        ("/slow", 504, ""),
        ("/", 404, ""),
    ] {
        let answer = clients::http(&get(path)).await.unwrap();
        assert_eq!(
            (answer.status, answer.header("x-path")),
            (status, seen),
            "{path}"
        );
    }
    let answer = clients::http(&get("/host")).await.unwrap();
    assert_eq!(answer.header("x-host"), "inner.org");
}

async fn routes_redirect(gateway: &Gateway) {
    let address = gateway.service_address(4);
    gateway.deploy(
        "moved",
        &format!(
            "[ip#1]\nipname = {address}\nexpose = expose#0\n\
             [expose#0]\ntype = envoy\nport = {HTTP}\nlistener_port = 8080\nvhosts = vhost#0\n\
             [vhost#0]\ntype = envoy\ndomains = moved.org\n\
             routes = route#host route#path route#prefix route#https\n\
             [route#host]\ntype = envoy\nmatch_path = /host\nredirect_host_redirect = new.org:81\n\
             [route#path]\ntype = envoy\nmatch_path = /old\nredirect_path_redirect = /new\n\
             redirect_response_code = FOUND\nredirect_strip_query = true\n\
             [route#prefix]\ntype = envoy\nmatch_prefix = /from/\nredirect_prefix_rewrite = /to/\n\
             redirect_response_code = 308\n\
             [route#https]\ntype = envoy\nmatch_prefix = /\nredirect_https_redirect = true\n"
        ),
    );
    let get = |path: &str| gateway.get(8080, "moved.org", path);
    answered(&get("/"), 301).await;
    for (path, status, location) in [
        ("/host", 301, "http://new.org:81/host"),
        ("/old?a=b", 302, "http://moved.org/new"),
        ("/from/a?b", 308, "http://moved.org/to/a?b"),
        ("/else", 301, "https://moved.org/else"),
    ] {
        let answer = clients::http(&get(path)).await.unwrap();
        assert_eq!(
            (answer.status, answer.header("location")),
            (status, location),
            "{path}"
        );
    }
}

async fn a_header_may_name_the_cluster(gateway: &Gateway) {
    let route = ["route#0.route_cluster_header=x-cluster"];
    gateway.node.set("wiki", &route).unwrap();
    let request = gateway.get(8080, "wiki.org", "/");
    let named = request.clone().header("x-cluster", "blog.expose#0");
    eventually("blog answers in the place of wiki", || async {
        let answer = clients::http(&named).await?;
        match answer.instance() {
            "blog" => Ok(()),
            other => Err(format!("{other} answers, {}", answer.status)),
        }
    })
    .await;
    for wrong in [
        request.clone(),
        request.clone().header("x-cluster", "nosuch"),
    ] {
        assert_eq!(clients::http(&wrong).await.unwrap().status, 404);
    }
    gateway
        .node
        .unset("wiki", &["route#0.route_cluster_header"])
        .unwrap();
    answered(&request, 200).await;
}

async fn websockets_are_allowed_unless_they_are_not(gateway: &Gateway) {
    let request = gateway.get(8080, "blog.org", "/");
    let said = clients::websocket(&request, "hello").await.unwrap();
    assert_eq!(said, "hello, says blog");

    let address = gateway.service_address(4);
    gateway.deploy(
        "quiet",
        &format!(
            "[ip#1]\nipname = {address}\nexpose = expose#0\n\
             [expose#0]\ntype = envoy\nport = {HTTP}\nlistener_port = 8081\nvhosts = vhost#0\n\
             filter_config_data = {{\"upgrade_configs\": []}}\n\
             [vhost#0]\ntype = envoy\ndomains = quiet.org\nroutes = route#0\n\
             [route#0]\ntype = envoy\nmatch_prefix = /\n"
        ),
    );
    let request = gateway.get(8081, "quiet.org", "/");
    answered(&request, 200).await;
    let refused = clients::websocket(&request, "hello").await.unwrap_err();
    assert!(refused.contains("403"), "{refused}");
}

async fn hash_policies_stick(gateway: &Gateway) {
    gateway.deploy(
        "sticky",
        &format!(
            "[DEFAULT]\ntopology = flex\nscale = 4\n\
             [ip#1]\ntype = cni\nexpose = expose#0\n\
             [expose#0]\ntype = envoy\nport = {HTTP}\nlistener_port = 8080\nvhosts = vhost#0\n\
             lb_policy = ring_hash\n\
             [vhost#0]\ntype = envoy\ndomains = sticky.org\nroutes = route#cookie route#source route#header\n\
             [route#cookie]\ntype = envoy\nmatch_prefix = /cookie\nhash_policies = hashpolicy#cookie\n\
             [route#source]\ntype = envoy\nmatch_prefix = /source\nhash_policies = hashpolicy#source\n\
             [route#header]\ntype = envoy\nmatch_prefix = /\nhash_policies = hashpolicy#header\n\
             [hashpolicy#cookie]\ntype = envoy\ncookie_name = id\ncookie_ttl = 1m\n\
             [hashpolicy#source]\ntype = envoy\nconnection_source_ip = true\n\
             [hashpolicy#header]\ntype = envoy\nheader_header_name = x-user\n"
        ),
    );
    let get = |path: &str| gateway.get(8080, "sticky.org", path);
    let request = get("/");
    let load = Load::start(&request);
    load.is_served_by(&["0.sticky", "1.sticky", "2.sticky", "3.sticky"], 60)
        .await;
    drop(load);

    let mut by_user = BTreeSet::new();
    for user in 0..24 {
        let request = get("/").header("x-user", &format!("user{user}"));
        let who = served_by_one(&request).await;
        by_user.insert(who);
    }
    assert!(by_user.len() > 1, "all users got {by_user:?}");
    served_by_one(&get("/source")).await;

    let first = clients::http(&get("/cookie")).await.unwrap();
    let cookie = first.header("set-cookie").to_owned();
    assert!(
        cookie.starts_with("id=") && cookie.contains("Max-Age=60"),
        "{cookie}"
    );
    let pair = cookie.split(';').next().unwrap();
    let who = served_by_one(&get("/cookie").header("cookie", pair)).await;
    assert_eq!(who, first.instance());
}

/// Makes a request several times, each on a connection of its own. Returns the one who answers.
async fn served_by_one(request: &Request) -> String {
    let mut who = BTreeSet::new();
    for _ in 0..6 {
        who.insert(clients::http(request).await.unwrap().instance().to_owned());
    }
    assert_eq!(who.len(), 1, "{request:?} was answered by {who:?}");
    who.pop_first().unwrap()
}

async fn routes_change_and_instances_come_and_go_under_load(gateway: &Gateway) {
    let load = Load::start(&gateway.get(8080, "sticky.org", "/stays"));
    gateway.node.scale("sticky", 2);
    load.is_served_by(&["0.sticky", "1.sticky"], 30).await;
    let route = [
        "route#added.type=envoy",
        "route#added.match_path=/added",
        "route#added.redirect_path_redirect=/there",
        "vhost#0.routes=route#added route#header",
    ];
    for slave in ["sticky", "0.sticky", "1.sticky"] {
        gateway.node.set(slave, &route).unwrap();
    }
    answered(&gateway.get(8080, "sticky.org", "/added"), 301).await;
    gateway.node.scale("sticky", 4);
    load.is_served_by(&["0.sticky", "1.sticky", "2.sticky", "3.sticky"], 60)
        .await;
    gateway.node.stop_service("1.sticky");
    load.is_served_by(&["0.sticky", "2.sticky", "3.sticky"], 60)
        .await;
    load.ends_without_failure().await;
}
