// The network, by every door that Python and the kernel have.
#include "tests/escape/escape_case.h"

namespace qed {
namespace {

const EscapeCase kCases[] = {
    {"Tcp", "tried(lambda: socket.create_connection(('127.0.0.1', 22), 1))", "'PermissionError'\n"},
    {"Udp", "tried(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))",
     "'PermissionError'\n"},
    {"Ipv6", "tried(lambda: socket.socket(socket.AF_INET6))", "'PermissionError'\n"},
    {"UnixByPath", "tried(lambda: socket.socket(socket.AF_UNIX).connect('/run/dbus/socket'))",
     "'PermissionError'\n"},
    {"UnixAbstract", "tried(lambda: socket.socket(socket.AF_UNIX).connect('\\0HOST_SOCKET'))",
     "'PermissionError'\n"},
    {"UnixAbstractByMessage",
     "a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
     "tried(lambda: a.sendmsg([b'x'], [], 0, '\\0HOST_SOCKET'))",
     "'PermissionError'\n"},
    {"PairSendsToAnAddress",
     "a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
     "tried(lambda: a.sendto(b'x', '\\0HOST_SOCKET'))",
     "'OSError'\n"},
    {"PairTakesAName",
     "a, b = socket.socketpair()\ntried(lambda: a.bind('\\0name')), tried(lambda: a.listen())",
     "('PermissionError', 'PermissionError')\n"},
    {"PairOfTheInternet", "tried(lambda: socket.socketpair(socket.AF_INET))", "'OSError'\n"},
    {"Raw", "tried(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1))",
     "'PermissionError'\n"},
    {"Packets", "tried(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 3))",
     "'PermissionError'\n"},
    {"Netlink", "tried(lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0))",
     "'PermissionError'\n"},
    {"VirtualMachineHost", "tried(lambda: socket.socket(socket.AF_VSOCK))", "'PermissionError'\n"},
    {"Bluetooth", "call(41, 31, 3, 0)", "'EPERM'\n"},
    {"KernelCrypto", "tried(lambda: socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET))",
     "'PermissionError'\n"},
    {"ByNumber", "call(41, 2, 1, 0)", "'EPERM'\n"},
    {"Dns", "tried(lambda: socket.gethostbyname('example.com'))", "'gaierror'\n"},
    {"Url", "import urllib.request\ntried(lambda: urllib.request.urlopen('http://127.0.0.1/'))",
     "'URLError'\n"},
    {"Asyncio",
     "async def go(): await asyncio.open_connection('127.0.0.1', 80)\n"
     "tried(lambda: asyncio.run(go()))",
     "'PermissionError'\n"},
    {"ByAnotherProgram",
     "subprocess.run(['bash', '-c', 'echo x > /dev/tcp/127.0.0.1/22'], stderr=-3).returncode != 0",
     "True\n"},
    {"Interfaces", "tried(socket.if_nameindex)", "'PermissionError'\n"},
};

QED_ESCAPE_TESTS(Network, kCases)

}  // namespace
}  // namespace qed
