#!/usr/bin/perl
# nbd-keep.pl HOST PORT NUMBER CONNECTIONS: attaches /dev/nbdNUMBER to the default export and keeps it attached:
# while the server is away, requests wait in the kernel (for a minute at most), and each connection that broke
# is made anew. Says "attached" and "attached again". Ends when it is killed, and leaves the device attached.
#
# nbd-client of Debian 12 cannot do that: once a connection is gone, the kernel answers with errors, unless it was
# told how long to wait (NBD_ATTR_DEAD_CONN_TIMEOUT) and is given new sockets (NBD_CMD_RECONFIGURE). The numbers
# are those of linux/netlink.h, linux/genetlink.h and linux/nbd-netlink.h; newstyle negotiation is in proto.md.
use strict;
use warnings;
use Socket qw(:all);

use constant { AF_NETLINK => 16, NETLINK_GENERIC => 16, NLM_F_REQUEST => 1, NLM_F_ACK => 4, NLMSG_ERROR => 2 };
use constant { GENL_ID_CTRL => 16, CTRL_CMD_GETFAMILY => 3, CTRL_ATTR_FAMILY_ID => 1, CTRL_ATTR_FAMILY_NAME => 2 };
use constant { CMD_CONNECT => 1, CMD_RECONFIGURE => 3 };
use constant {
    ATTR_INDEX => 1, ATTR_SIZE_BYTES => 2, ATTR_BLOCK_SIZE_BYTES => 3, ATTR_TIMEOUT => 4, ATTR_SERVER_FLAGS => 5,
    ATTR_SOCKETS => 7, ATTR_DEAD_CONN_TIMEOUT => 8, SOCK_ITEM => 1, SOCK_FD => 1,
};
# seconds: a request without a reply is sent again; with no connection left requests fail
use constant { REPLY_TIMEOUT => 3, DEAD_CONN_TIMEOUT => 60 };
use constant { OPT_EXPORT_NAME => 1, FIXED_NEWSTYLE => 1, NO_ZEROES => 2 };

my ($host, $port, $number, $connections) = @ARGV;
$| = 1;
$SIG{PIPE} = 'IGNORE';

sub attribute { my ($type, $value) = @_; return pack('SS a* x!4', 4 + length $value, $type, $value) }
sub u32 { return attribute($_[0], pack 'L', $_[1]) }
sub u64 { return attribute($_[0], pack 'Q', $_[1]) }
sub sockets { return attribute(ATTR_SOCKETS, join '', map { attribute(SOCK_ITEM, u32(SOCK_FD, fileno $_)) } @_) }

socket(my $netlink, AF_NETLINK, SOCK_RAW, NETLINK_GENERIC) or die "netlink: $!\n";

# Sends a message, waits for what the kernel says to it; the attributes of its answer, if it has one.
sub ask {
    my ($family, $command, @attributes) = @_;
    my $body = pack('CCS', $command, 1, 0) . join '', @attributes;
    my $message = pack('LSSLL', 16 + length $body, $family, NLM_F_REQUEST | NLM_F_ACK, 0, 0) . $body;
    send($netlink, $message, 0, pack 'SSLL', AF_NETLINK, 0, 0, 0) or die "netlink: $!\n";
    my %answer;
    while (defined recv $netlink, my $said, 65536, 0) {
        while (length $said >= 16) {
            my ($length, $type) = unpack 'LS', $said;
            my $content = substr $said, 16, $length - 16;
            $said = substr $said, ($length + 3) & ~3;
            if ($type == NLMSG_ERROR) {
                $! = -unpack 'l', $content;
                return $! == 0 ? \%answer : undef;
            }
            for (my $rest = substr $content, 4; length $rest >= 4;) {
                my ($size, $name) = unpack 'SS', $rest;
                $answer{$name} = substr $rest, 4, $size - 4;
                $rest = ($size + 3 & ~3) < length $rest ? substr $rest, $size + 3 & ~3 : '';
            }
        }
    }
    die "netlink: $!\n";
}

sub receive {
    my ($socket, $length) = @_;
    my ($all, $part) = ('', '');
    while (length $all < $length) {
        return if !defined recv($socket, $part, $length - length $all, 0) || $part eq '';
        $all .= $part;
    }
    return $all;
}

# A connection in the transmission phase, with the export's size and flags; nothing where there is no server.
sub negotiated {
    socket(my $socket, PF_INET, SOCK_STREAM, 0) or die "socket: $!\n";
    connect $socket, pack_sockaddr_in($port, inet_aton $host) or return;
    setsockopt $socket, IPPROTO_TCP, TCP_NODELAY, 1;
    my $greeting = receive($socket, 18) // return;
    $greeting =~ /^NBDMAGICIHAVEOPT/ or die "no NBD server\n";
    send $socket, pack('N a8 NN', FIXED_NEWSTYLE | NO_ZEROES, 'IHAVEOPT', OPT_EXPORT_NAME, 0), 0;
    my ($size, $flags) = unpack 'Q> n', receive($socket, 10) // return;
    return ($socket, $size, $flags);
}

# The kernel reads the same socket: a look at the next byte takes nothing from it.
sub is_dead {
    my ($socket) = @_;
    my $next = '';
    return defined recv($socket, $next, 1, MSG_PEEK | MSG_DONTWAIT) && $next eq '' || $!{ECONNRESET};
}

my $family = unpack 'S', ask(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, attribute(CTRL_ATTR_FAMILY_NAME, "nbd\0"))->{+CTRL_ATTR_FAMILY_ID};
my (@sockets, $size, $flags);
for (1 .. $connections) {
    (my $socket, $size, $flags) = negotiated() or die "no server at $host port $port\n";
    push @sockets, $socket;
}
ask($family, CMD_CONNECT,
    u32(ATTR_INDEX, $number), u64(ATTR_SIZE_BYTES, $size), u64(ATTR_BLOCK_SIZE_BYTES, 512),
    u64(ATTR_SERVER_FLAGS, $flags), u64(ATTR_TIMEOUT, REPLY_TIMEOUT),
    u64(ATTR_DEAD_CONN_TIMEOUT, DEAD_CONN_TIMEOUT), sockets(@sockets))
    or die "connect: $!\n";
print "attached\n";

while (1) {
    select undef, undef, undef, 0.1;
    my @alive = grep { !is_dead($_) } @sockets;
    next if @alive == $connections;
    @sockets = @alive;
    my @new;
    while (@alive + @new < $connections) {
        my ($socket) = negotiated() or last;
        push @new, $socket;
    }
    # it fails where the kernel has not seen yet that a connection is dead
    @new and ask($family, CMD_RECONFIGURE, u32(ATTR_INDEX, $number), sockets(@new)) or next;
    push @sockets, @new;
    print "attached again\n" if @sockets == $connections;
}
