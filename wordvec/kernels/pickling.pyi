from mmap import mmap

FINE: int
CUT_SHORT: int
UNKNOWN: int
NOT_BALANCED: int
NOT_IN_MEMO: int
TOO_MANY: int
BAD_KEY: int
LONG_NUMBER: int
TRAILING: int

def check_pickle(data: bytes | bytearray | memoryview | mmap) -> tuple[int, int]: ...
