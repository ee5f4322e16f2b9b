// Files of the host and of other sessions, devices, what is inherited.
#include "tests/escape/escape_case.h"

namespace qed {
namespace {

const EscapeCase kCases[] = {
    {"Root", "sorted(os.listdir('/'))", "['bin', 'dev', 'etc', 'lib', 'lib64', 'tmp', 'usr']\n"},
    {"HostFileByPath", "tried(lambda: open('HOST_FILE').read())", "'FileNotFoundError'\n"},
    {"HostFileByDots", "tried(lambda: open('/..' * 9 + 'HOST_FILE').read())",
     "'FileNotFoundError'\n"},
    {"HostFileByProc", "[os.path.exists(p) for p in ('/proc', '/proc/1/root', '/proc/self/exe')]",
     "[False, False, False]\n"},
    {"HostFileBySymlink",
     "os.symlink('HOST_FILE', '/tmp/l')\nos.symlink('/proc/1/root', '/tmp/r')\n"
     "tried(lambda: open('/tmp/l')), tried(lambda: os.listdir('/tmp/r'))",
     "('FileNotFoundError', 'FileNotFoundError')\n"},
    {"HostFileByC", "libc.open(b'HOST_FILE', 0)", "-1\n"},
    {"HostFileBySyscall", "call(257, -100, b'HOST_FILE', 0, 0)", "'ENOENT'\n"},
    {"HostFileByOpenat2", "call(437, -100, b'HOST_FILE', b'\\0' * 24, 24)", "'ENOSYS'\n"},
    {"HostFileByHandle", "call(304, -100, b'\\0' * 64, 0)", "'EPERM'\n"},
    {"HostFileByShell", "subprocess.run(['cat', 'HOST_FILE'], stderr=-3).returncode", "1\n"},
    {"Passwords", "tried(lambda: open('/etc/shadow')), open('/etc/passwd').read().count('\\n')",
     "('FileNotFoundError', 1)\n"},
    {"HostFolders",
     "[p for p in ('/root', '/home', '/var', '/run', '/sys', '/mnt', '/opt') "
     "if os.path.exists(p)]",
     "[]\n"},
    {"Chroot", "tried(lambda: os.chroot('/tmp'))", "'PermissionError'\n"},
    {"OtherSessions", "os.listdir('/tmp'), os.listdir('/dev/shm')", "([], [])\n"},
    {"WriteRoot", "refused(lambda: open('/new', 'w')), refused(lambda: os.unlink('/etc/passwd'))",
     "(True, True)\n"},
    {"WriteLibraries",
     "refused(lambda: open(os.__file__, 'a')), refused(lambda: os.chmod('/usr', 0))",
     "(True, True)\n"},
    {"ReplaceTheInterpreter", "refused(lambda: os.rename('/usr/bin/python3', '/tmp/x'))", "True\n"},
    {"NoSetuidNoDevices", "[os.statvfs(p).f_flag & 6 for p in ('/', '/usr', '/tmp')]",
     "[6, 6, 6]\n"},
    {"Devices", "sorted(os.listdir('/dev'))", "['full', 'null', 'random', 'shm', 'urandom']\n"},
    {"MakeDevice", "tried(lambda: os.mknod('/tmp/d', 0o60600, os.makedev(8, 0)))",
     "'PermissionError'\n"},
    {"MakeSocketFile", "tried(lambda: os.mknod('/tmp/s', 0o140600))", "'PermissionError'\n"},
    {"ControlADevice", "import fcntl\ntried(lambda: fcntl.ioctl(open('/dev/random'), 0x5207))",
     "'OSError'\n"},
    {"Terminal", "import fcntl\ntried(lambda: fcntl.ioctl(0, 0x5412, b'x'))", "'OSError'\n"},
    {"Descriptors",
     "import stat\nkinds = []\nfor fd in range(256):\n  try: mode = os.fstat(fd).st_mode\n"
     "  except OSError: continue\n"
     "  kinds.append('fifo' if stat.S_ISFIFO(mode) else 'socket' if stat.S_ISSOCK(mode) else\n"
     "               'device' if stat.S_ISCHR(mode) else 'file')\nprint(*kinds)",
     "device fifo fifo socket device fifo fifo\n"},
    {"Environment", "print(*sorted(set(os.environ) - {'LC_CTYPE'}))",
     "HOME LANG LC_ALL MALLOC_ARENA_MAX MKL_NUM_THREADS MPLBACKEND OMP_NUM_THREADS "
     "OPENBLAS_NUM_THREADS PATH "
     "PYTHONDONTWRITEBYTECODE PYTHONHASHSEED PYTHONUTF8 TMPDIR\n"},
    {"EnvironmentOfTheStart",
     "environ = ctypes.POINTER(ctypes.c_char_p).in_dll(libc, 'environ')\nn = 0\n"
     "while environ[n]: n += 1\nn == len(os.environ)",
     "True\n"},
};

// Below /tmp, which is the session's own.
const EscapeCase kDisk[] = {
    {"OneFile",
     "def fill():\n  with open('/tmp/f', 'wb') as f:\n    while True: f.write(b'x' * 65536)\n"
     "tried(fill), os.stat('/tmp/f').st_size <= 16 << 20",
     "('OSError', True)\n"},
    {"ManyFiles",
     "def fill():\n  for i in range(100): open(f'/tmp/{i}', 'wb').write(b'x' * (1 << 20))\n"
     "tried(fill), len(os.listdir('/tmp')) <= 17",
     "('OSError', True)\n"},
    {"EmptyFiles", "def fill():\n  for i in range(10 ** 5): open(f'/tmp/{i}', 'w')\ntried(fill)",
     "'OSError'\n"},
    {"UnlinkedFiles",
     "held = []\ndef fill():\n  for i in range(100):\n    f = open('/tmp/f', 'wb')\n"
     "    os.unlink('/tmp/f')\n    held.append(f)\n    f.write(b'x' * (1 << 20))\n    f.flush()\n"
     "tried(fill), len(held) <= 17",
     "('OSError', True)\n"},
    {"SparseFile", "f = open('/tmp/f', 'wb')\ntried(lambda: f.truncate(1 << 40))", "'OSError'\n"},
    {"Reserved",
     "f = open('/tmp/f', 'wb')\ntried(lambda: os.posix_fallocate(f.fileno(), 0, 1 << 40))",
     "'OSError'\n"},
    {"SharedMemoryFolder",
     "def fill():\n  with open('/dev/shm/f', 'wb') as f:\n    while True: f.write(b'x' * 65536)\n"
     "tried(fill)",
     "'OSError'\n"},
    {"DeepFolders",
     "def fill():\n  while True:\n    os.mkdir('d' * 200)\n    os.chdir('d' * 200)\ntried(fill)",
     "'OSError'\n"},
    {"ByChildren",
     "for i in range(4): subprocess.Popen(['dd', 'if=/dev/urandom', f'of=/tmp/{i}'], stderr=-3)\n"
     "os.wait(), os.wait(), os.wait(), os.wait()\n"
     "sum(os.stat(f'/tmp/{i}').st_size for i in range(4)) <= 16 << 20",
     "True\n"},
};

QED_ESCAPE_TESTS(Files, kCases)
QED_ESCAPE_TESTS(Disk, kDisk)

}  // namespace
}  // namespace qed
