//! Requests by chance.

use igw_envoy::inspect::explain::Question;

/// Requests as chance has them, the same in each run.
pub(super) fn questions(count: usize) -> Vec<Question> {
    let mut chance = Chance(0x2545_f491_4f6c_dd1d);
    let schemes = [
        "http", "http", "http", "http", "https", "https", "https", "tcp", "tls",
    ];
    let ports = [
        8080, 8080, 8080, 8080, 8443, 8443, 8443, 9000, 7000, 7001, 9999,
    ];
    let hosts = [
        "shop.test",
        "SHOP.test",
        "www.shop.test",
        "a.shop.test",
        "a.b.shop.test",
        "rest.test",
        "Rest.Test",
        "pre.anything",
        "pre.",
        "mail.test",
        "in.mail.test",
        "unknown.test",
        "test",
        "shop.test.",
        "127.0.0.9",
    ];
    let paths = [
        "",
        "/",
        "/exact",
        "/exact?q=1",
        "/exact/",
        "/exact/hidden",
        "/Exact",
        "/u/1",
        "/u/1/x",
        "/u/x",
        "/xu/1",
        "/q.x",
        "/q.x/1",
        "/qax",
        "/nocase",
        "/NOCASE/y",
        "/api/",
        "/api/x",
        "/api",
        "/by-header",
        "/e",
        "/https",
        "/https/a?b=c",
        "/host",
        "/host?q",
        "/moved",
        "/moved?x=y",
        "/old/a?b",
        "/old",
        "/older",
        "/strip?x=y",
        "/STRIP",
        "/r1",
        "/r1?q=1",
        "/r11",
        "/secure?x",
        "/%65xact",
        "/a//b",
        "/e%2F",
    ];
    let clusters = [
        "shop.expose#0",
        "rest.expose#tcp",
        "rest.expose#idle",
        "nobody",
        "",
    ];
    let one = |chance: &mut Chance| {
        let scheme = *chance.pick(&schemes);
        let mut port = *chance.pick(&ports);
        // Most go where they make sense.
        if scheme == "http" && port == 8443 && chance.below(4) > 0 {
            port = 8080;
        } else if scheme == "https" && port != 8443 && chance.below(4) > 0 {
            port = 8443;
        }
        // The host that leads to the redirects.
        let host = match chance.below(4) {
            0 => "unknown.test",
            _ => *chance.pick(&hosts),
        };
        let url = format!("{scheme}://{host}:{port}{}", chance.pick(&paths));
        let mut question = Question::new(&url).unwrap();
        match chance.below(6) {
            0 => {
                question = question
                    .header(&format!("Host: {}", chance.pick(&hosts)))
                    .unwrap()
            }
            1 => question = question.header(&format!("Host: {host}")).unwrap(),
            2 => question = question.server_name(chance.pick::<&str>(&hosts[..12])),
            _ => {}
        }
        if chance.below(3) > 0 {
            let line = format!("X-Cluster: {}", chance.pick(&clusters));
            question = question.header(&line).unwrap();
        }
        question
    };
    (0..count).map(|_| one(&mut chance)).collect()
}

/// A small generator (xorshift64*): the same requests in each run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(high).unwrap() % end
    }

    fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}
