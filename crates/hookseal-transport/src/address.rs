//! Which addresses a delivery may go to: a pure function of the address and of the operator's networks.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// Which addresses may be connected to.
///
/// An address is admitted if it is globally reachable or in an allowed network, and in no denied one. An IPv6 address
/// that stands for an IPv4 address is admitted only if that one is too.
#[derive(Debug)]
pub(crate) struct AddressPolicy {
    allowed: Vec<IpNet>,
    denied: Vec<IpNet>,
}

impl AddressPolicy {
    pub(crate) fn new(allowed: &[IpNet], denied: &[IpNet]) -> Self {
        Self {
            allowed: allowed.iter().map(canonical_network).collect(),
            denied: denied.iter().map(canonical_network).collect(),
        }
    }

    /// Whether any delivery may go to `address`.
    pub(crate) fn admits(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        !contains(&self.denied, address)
            && (contains(&self.allowed, address) || is_globally_reachable(address))
            && embedded(address).into_iter().flatten().all(|inner| self.admits(inner.into()))
    }

    /// Whether a delivery without TLS may go to `address`: only into a network that the operator allows.
    pub(crate) fn admits_plain_http(&self, address: IpAddr) -> bool {
        self.admits(address) && contains(&self.allowed, address.to_canonical())
    }

    /// Whether there is any address that a delivery without TLS may go to.
    pub(crate) fn allows_any_network(&self) -> bool {
        !self.allowed.is_empty()
    }
}

fn contains(networks: &[IpNet], address: IpAddr) -> bool {
    networks.iter().any(|network| network.contains(&address))
}

/// A network of IPv4-mapped addresses, as the IPv4 network that it is.
fn canonical_network(network: &IpNet) -> IpNet {
    match network {
        IpNet::V6(v6) if MAPPED.contains(v6) => {
            let address = v6.addr().to_ipv4_mapped().unwrap_or(Ipv4Addr::UNSPECIFIED);
            IpNet::V4(Ipv4Net::new_assert(address, v6.prefix_len() - MAPPED.prefix_len()))
        }
        _ => *network,
    }
}

/// Whether an address, if it is not an IPv4-mapped one, is one of the public internet, by the IANA special-purpose
/// address registries (RFC 6890 and its successors). Where the registries admit an anycast service or leave
/// the matter open, it is refused: no endpoint lives there.
fn is_globally_reachable(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => !REFUSED_V4.iter().any(|network| network.contains(&v4)),
        IpAddr::V6(v6) => {
            // 2000::/3 is all that has been given out as global unicast addresses.
            let is_global_unicast =
                GLOBAL_UNICAST.contains(&v6) && !REFUSED_V6.iter().any(|network| network.contains(&v6));
            is_global_unicast || NAT64.contains(&v6)
        }
    }
}

/// The IPv4 addresses that an IPv6 address leads to by way of a translator or tunnel.
fn embedded(address: IpAddr) -> [Option<Ipv4Addr>; 2] {
    let IpAddr::V6(v6) = address else { return [None, None] };
    let octets = v6.octets();
    let at = |i: usize| Ipv4Addr::new(octets[i], octets[i + 1], octets[i + 2], octets[i + 3]);
    let is_own = v6.is_unspecified() || v6.is_loopback();
    if SIX_TO_FOUR.contains(&v6) {
        [Some(at(2)), None]
    } else if TEREDO.contains(&v6) {
        // RFC 4380 section 4: the server as it is, the client with every bit inverted.
        [Some(at(4)), Some(Ipv4Addr::from_bits(!at(12).to_bits()))]
    } else if !is_own && IPV4_AT_THE_END.iter().any(|network| network.contains(&v6)) {
        [Some(at(12)), None]
    } else {
        [None, None]
    }
}

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix_len: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix_len)
}

const fn v6(bits: u128, prefix_len: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::from_bits(bits), prefix_len)
}

const REFUSED_V4: [Ipv4Net; 17] = [
    v4(0, 0, 0, 0, 8),        // this network (RFC 791)
    v4(10, 0, 0, 0, 8),       // private (RFC 1918)
    v4(100, 64, 0, 0, 10),    // carrier-grade NAT (RFC 6598)
    v4(127, 0, 0, 0, 8),      // loopback (RFC 1122)
    v4(168, 63, 129, 16, 32), // Azure's WireServer: no registry names it, and it hands secrets to virtual machines
    v4(169, 254, 0, 0, 16),   // link-local (RFC 3927), where clouds keep their metadata
    v4(172, 16, 0, 0, 12),    // private (RFC 1918)
    v4(192, 0, 0, 0, 24),     // protocol assignments (RFC 6890)
    v4(192, 0, 2, 0, 24),     // documentation (RFC 5737)
    v4(192, 88, 99, 0, 24),   // 6to4 relays (RFC 7526)
    v4(192, 168, 0, 0, 16),   // private (RFC 1918)
    v4(198, 18, 0, 0, 15),    // benchmarking (RFC 2544)
    v4(198, 51, 100, 0, 24),  // documentation (RFC 5737)
    v4(203, 0, 113, 0, 24),   // documentation (RFC 5737)
    v4(224, 0, 0, 0, 4),      // multicast (RFC 1112)
    v4(233, 252, 0, 0, 24),   // documentation (RFC 6676)
    v4(240, 0, 0, 0, 4),      // reserved, and broadcast (RFC 1112, RFC 919)
];

const GLOBAL_UNICAST: Ipv6Net = v6(0x2000 << 112, 3);

/// What is refused within `GLOBAL_UNICAST`. Everything outside is refused anyway: `::`, `::1`, discard `100::/64`,
/// segment routing `5f00::/16`, unique local `fc00::/7`, link-local `fe80::/10`, site-local `fec0::/10`, multicast
/// `ff00::/8`.
const REFUSED_V6: [Ipv6Net; 4] = [
    v6(0x2001 << 112, 23), // protocol assignments: Teredo, benchmarking, ORCHID, anycast services (RFC 2928)
    v6(0x2001_0db8 << 96, 32), // documentation (RFC 3849)
    SIX_TO_FOUR,           // 6to4, which is no longer in use (RFC 7526)
    v6(0x3fff << 112, 20), // documentation (RFC 9637)
];

const MAPPED: Ipv6Net = v6(0xffff << 32, 96); // RFC 4291
const NAT64: Ipv6Net = v6(0x0064_ff9b << 96, 96); // RFC 6052
const TEREDO: Ipv6Net = v6(0x2001 << 112, 32); // RFC 4380
const SIX_TO_FOUR: Ipv6Net = v6(0x2002 << 112, 16); // RFC 3056

/// Where the last 32 bits are an IPv4 address.
const IPV4_AT_THE_END: [Ipv6Net; 4] = [
    NAT64,
    v6(0x0064_ff9b_0001 << 80, 48), // NAT64 of one's own (RFC 8215)
    v6(0xffff << 48, 96),           // IPv4-translated (RFC 2765)
    v6(0, 96),                      // IPv4-compatible (RFC 4291), but for `::` and `::1`
];

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(allowed: &str, denied: &str) -> AddressPolicy {
        let networks =
            |list: &str| list.split_whitespace().map(|n| n.parse().unwrap()).collect::<Vec<IpNet>>();
        AddressPolicy::new(&networks(allowed), &networks(denied))
    }

    fn check(policy: &AddressPolicy, addresses: &str, admitted: bool) {
        for address in addresses.split_whitespace() {
            assert_eq!(policy.admits(address.parse().unwrap()), admitted, "{address}");
        }
    }

    #[test]
    fn the_public_internet_is_admitted() {
        let addresses = "1.0.0.0 1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 52.95.110.1 100.63.255.255 100.128.0.0
            126.255.255.255 128.0.0.0 168.63.129.15 168.63.129.17 169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0
            191.255.255.255 192.0.1.0 192.0.3.0 192.88.98.255 192.88.100.0 192.167.255.255 192.169.0.0
            198.17.255.255 198.20.0.0 198.51.99.255 198.51.101.0 203.0.112.255 203.0.114.0 223.255.255.255
            2000:: 2001:200:: 2001:4860:4860::8888 2001:db7:ffff::1 2001:db9:: 2003:: 2606:4700::1111 2a00:1450::1
            3ffe:: 3fff:1000:: 64:ff9b::8.8.8.8 ::ffff:8.8.8.8";
        check(&policy("", ""), addresses, true);
    }

    #[test]
    fn everything_that_is_not_globally_reachable_is_refused() {
        let addresses = "0.0.0.0 0.0.0.1 0.255.255.255 10.0.0.0 10.255.255.255 100.64.0.0 100.100.100.200 100.127.255.255
            127.0.0.0 127.0.0.1 127.255.255.255 168.63.129.16 169.254.0.0 169.254.169.254 169.254.255.255
            172.16.0.0 172.31.255.255 192.0.0.0 192.0.0.9 192.0.0.170 192.0.0.192 192.0.0.255 192.0.2.1 192.88.99.1
            192.168.0.0 192.168.255.255 198.18.0.0 198.19.255.255 198.51.100.1 203.0.113.255
            224.0.0.0 224.0.0.1 233.252.0.1 239.255.255.255 240.0.0.0 255.255.255.254 255.255.255.255
            :: ::1 ::2 ::127.0.0.1 ::8.8.8.8 ::ffff:0.0.0.0 ::ffff:10.0.0.1 ::ffff:127.0.0.1 ::ffff:169.254.169.254
            ::ffff:0:8.8.8.8 64:ff9b::10.0.0.1 64:ff9b::127.0.0.1 64:ff9b::169.254.169.254 64:ff9b:0:0:1::1
            64:ff9b:1::1 64:ff9b:1::8.8.8.8 100:: 100::1 100:0:0:1::1 1fff:ffff:: 2001:: 2001::1 2001:1::1 2001:2::1 2001:3::1
            2001:4:112::1 2001:10::1 2001:20::1 2001:30::1 2001:1ff:ffff::1 2001:db8::1 2002:: 2002:7f00:1::
            2002:a00:1::1 2002:808:808::1 3fff:: 3fff:fff:ffff::1 4000:: 5f00::1 fc00::1 fd00:ec2::254 fdff::1
            fe80::1 febf::1 fec0::1 feff::1 ff00:: ff02::1 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
        check(&policy("", ""), addresses, false);
    }

    #[test]
    fn an_allowed_network_admits_its_addresses_and_no_others() {
        let local = policy("127.0.0.0/8 10.1.0.0/16 fd00:1::/32", "");
        check(
            &local,
            "127.0.0.1 127.9.9.9 10.1.2.3 fd00:1::7 ::ffff:127.0.0.1 ::ffff:10.1.0.1 8.8.8.8",
            true,
        );
        check(&local, "10.2.0.1 192.168.0.1 ::1 fd00:2::1 ::ffff:10.2.0.1 ::127.0.0.1", false);
        // The translator's network is reachable, so that what it leads to decides.
        check(&local, "64:ff9b::10.1.2.3", true);
        check(&local, "64:ff9b::10.2.2.3", false);
    }

    #[test]
    fn a_denied_network_always_wins() {
        let policy = policy("10.0.0.0/8 ::/0", "10.6.6.0/24 8.8.8.0/24 2606:4700::/32");
        check(&policy, "10.6.7.1 8.8.4.4 2a00:1450::1 fd00::1", true);
        check(&policy, "10.6.6.1 8.8.8.8 2606:4700::1111", false);
        check(
            &policy,
            "::ffff:10.6.6.1 ::ffff:8.8.8.8 64:ff9b::8.8.8.8 2002:808:808::1 ::8.8.8.8 ::ffff:0:8.8.8.8",
            false,
        );
    }

    #[test]
    fn an_address_that_stands_for_another_is_judged_by_both() {
        let policy = policy("2001::/32 2002::/16 64:ff9b:1::/48 ::/96", "");
        // Teredo: server 65.54.227.120, client 192.0.2.45 as in RFC 4380's example, and with a public client.
        check(&policy, "2001:0:4136:e378:8000:63bf:3fff:fdd2", false);
        check(
            &policy,
            "2001:0:4136:e378:8000:63bf:f7f7:f7f7 2002:808:808::1 64:ff9b:1::8.8.8.8 ::8.8.8.8",
            true,
        );
        check(
            &policy,
            "2001:0:a00:1:8000:63bf:f7f7:f7f7 2002:a00:1::1 64:ff9b:1::10.0.0.1 ::10.0.0.1",
            false,
        );
        check(&policy, "::1 ::", true);
    }

    #[test]
    fn a_network_of_mapped_addresses_is_the_ipv4_network() {
        let policy = policy("::ffff:10.0.0.0/104", "::ffff:8.8.8.8/128");
        check(&policy, "10.1.2.3 ::ffff:10.1.2.3", true);
        check(&policy, "8.8.8.8 ::ffff:8.8.8.8 192.168.0.1 ::1", false);
    }

    #[test]
    fn plain_http_needs_an_allowed_network() {
        let policy = policy("10.0.0.0/8", "10.9.0.0/16");
        let admits = |address: &str| policy.admits_plain_http(address.parse().unwrap());
        assert!(admits("10.1.1.1") && admits("::ffff:10.1.1.1"));
        assert!(!admits("8.8.8.8") && !admits("10.9.1.1") && !admits("127.0.0.1"));
    }
}
