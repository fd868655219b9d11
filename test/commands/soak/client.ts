/**
 * A client of libnbd in a process of its own: `python3 -c CLIENT URI SEED FIRST COUNT ZONE ZONE_COUNT`. It uses
 * COUNT sectors from FIRST on that nobody else writes to, and keeps a copy of them. Sectors may fail in its zone
 * only. Writes and flushes that fail are repeated, since the spare may be away for a while. Every second it
 * prints how many requests it has made; when its input ends it checks all of its sectors and goes with 0.
 */
export const CLIENT = `
import collections, errno, nbd, random, select, sys, time

SECTOR = 512
# seconds after which what fails should have come back
PATIENCE = 60
uri = sys.argv[1]
seed, first, count, zone, zone_count = map(int, sys.argv[2:7])
dice = random.Random(seed)
start, end = first * SECTOR, (first + count) * SECTOR
made = 0
# what was asked for last, so that a failure can be explained
requests = collections.deque(maxlen=2000)

def connect():
  client = nbd.NBD()
  for context in (nbd.CONTEXT_BASE_ALLOCATION, "x-dmremap:sectors"): client.add_meta_context(context)
  client.set_uri_allow_local_file(True)
  client.connect_uri(uri)
  return client

h = connect()

def in_zone(at, length):
  return at < (zone + zone_count) * SECTOR and at + length > zone * SECTOR

def excuse(error, at, length):
  assert error.errnum == errno.EIO, (error, at, length)
  assert in_zone(at, length), (error, "outside of the zone", at, length)

def again(what):
  began = time.monotonic()
  while True:
    try:
      return what()
    except nbd.Error as error:
      assert error.errnum == errno.EIO, error
      assert time.monotonic() - began < PATIENCE, (error, "for too long")
    time.sleep(0.05)

def copy(at, length):
  return shadow[at - start:at - start + length]

def write(at, data, flags=0):
  try:
    h.pwrite(data, at, flags)
  except nbd.Error as error:
    # a flush is of the whole disk
    if not flags: excuse(error, at, len(data))
    rewrite(at, data)
  shadow[at - start:at - start + len(data)] = data

def rewrite(at, data):
  """In whole sectors: what is around them in a sector that fails is known here alone."""
  low, high = at // SECTOR * SECTOR, -(-(at + len(data)) // SECTOR) * SECTOR
  whole = copy(low, at - low) + data + copy(at + len(data), high - at - len(data))
  again(lambda: h.pwrite(whole, low))

def compare(found, at):
  expected = copy(at, len(found))
  if found == expected: return
  wrong = next(i for i in range(len(found)) if found[i] != expected[i])
  byte = at + wrong
  met = [str(request) for request in requests if request[1] <= byte < request[1] + request[2]]
  text = f"byte {byte} is {found[wrong]}, not {expected[wrong]}; it was used by " + ", ".join(met)
  raise AssertionError(f"sector {byte // SECTOR}: {text}")

def mend(error, at, length):
  """Which sectors fail is asked for one by one; the next write moves them."""
  excuse(error, at, length)
  for sector in range(at // SECTOR, -(-(at + length) // SECTOR)):
    where = sector * SECTOR
    try:
      compare(h.pread(SECTOR, where), where)
    except nbd.Error as one:
      excuse(one, where, SECTOR)
      again(lambda: h.pwrite(copy(where, SECTOR), where))

def read(at, length):
  try:
    found = h.pread(length, at)
  except nbd.Error as error:
    mend(error, at, length)
  else:
    compare(found, at)

def place(longest, unit=SECTOR):
  length = dice.randrange(1, longest // unit + 1) * unit
  if dice.random() < 0.3:
    at = (zone + dice.randrange(zone_count)) * SECTOR
  else:
    at = dice.randrange(start, end)
  at = min(max(start, at // unit * unit), end - length)
  requests.append((sys._getframe(1).f_code.co_name, at, length))
  return at, length

def do_read(): read(*place(dice.choice((4096, 65536, 262144))))
def do_unaligned_read(): read(*place(10000, 1))
def do_cache(): h.cache(place(65536)[1], start)
def do_flush(): again(h.flush)

def do_write():
  at, length = place(dice.choice((4096, 4096, 65536, 262144)))
  write(at, dice.randbytes(length), nbd.CMD_FLAG_FUA if dice.random() < 0.1 else 0)

def do_unaligned_write():
  at, length = place(10000, 1)
  write(at, dice.randbytes(length))

def do_zero():
  at, length = place(131072, dice.choice((1, SECTOR)))
  flags = dice.choice((0, 0, nbd.CMD_FLAG_NO_HOLE, nbd.CMD_FLAG_FAST_ZERO))
  try:
    h.zero(length, at, flags)
  except nbd.Error as error:
    if flags == nbd.CMD_FLAG_FAST_ZERO and error.errnum == errno.ENOTSUP: return
    excuse(error, at, length)
    rewrite(at, bytes(length))
  shadow[at - start:at - start + length] = bytes(length)

def do_trim():
  at, length = place(65536)
  try:
    h.trim(length, at)
    found = h.pread(length, at)
  except nbd.Error as error:
    excuse(error, at, length)
    again(lambda: h.pwrite(copy(at, length), at))
    return
  # each sector is as before or zero
  for sector in range(at, at + length, SECTOR):
    if found[sector - at:sector - at + SECTOR] == bytes(SECTOR):
      shadow[sector - start:sector - start + SECTOR] = bytes(SECTOR)
  compare(found, at)

def do_status():
  at, length = place(1048576)
  seen = set()
  def extents(context, offset, entries, error):
    seen.add(context)
    for size, flags in zip(entries[::2], entries[1::2]):
      if context == "x-dmremap:sectors" and flags:
        assert zone * SECTOR <= offset and offset + size <= (zone + zone_count) * SECTOR, (offset, size, flags)
      offset += size
  h.block_status(length, at, extents)
  assert seen == {"base:allocation", "x-dmremap:sectors"}, seen

def do_many():
  """Requests under way together, of pieces that do not overlap."""
  size = dice.choice((SECTOR, 4096, 32768))
  waiting = []
  for number in dice.sample(range((end - start) // size), 16):
    at = start + number * size
    requests.append(("do_many", at, size))
    if dice.random() < 0.5:
      buffer = nbd.Buffer(size)
      waiting.append((h.aio_pread(buffer, at), at, buffer, None))
    else:
      data = dice.randbytes(size)
      buffer = nbd.Buffer.from_bytearray(bytearray(data))
      waiting.append((h.aio_pwrite(buffer, at), at, buffer, data))
  while h.aio_in_flight() > 0: h.poll(-1)
  for cookie, at, buffer, data in waiting:
    try:
      h.aio_command_completed(cookie)
    except nbd.Error as error:
      if data is None: mend(error, at, size)
      else:
        excuse(error, at, size)
        rewrite(at, data)
    else:
      if data is None: compare(buffer.to_bytearray(), at)
    if data is not None: shadow[at - start:at - start + size] = data

def do_reconnect():
  """With a word, without one, or with requests under way whose answers nobody waits for."""
  global h
  way = dice.randrange(3)
  buffers = [nbd.Buffer(65536) for _ in range(8)]
  if way == 0: h.shutdown()
  if way == 1:
    for buffer in buffers: h.aio_pread(buffer, start)
  h = None
  h = connect()

KINDS = [do_read] * 6 + [do_write] * 6 + [do_unaligned_read, do_unaligned_write, do_zero, do_trim, do_flush] * 2
KINDS += [do_status, do_many, do_cache, do_reconnect]

shadow = bytearray()
for at in range(start, end, 1 << 20):
  shadow += again(lambda: h.pread(min(1 << 20, end - at), at))
told = time.monotonic()
while not select.select([sys.stdin], [], [], dice.random() * 0.02)[0]:
  dice.choice(KINDS)()
  made += 1
  if time.monotonic() - told > 1:
    told = time.monotonic()
    print(made, flush=True)
again(h.flush)
for at in range(start, end, 65536): read(at, min(65536, end - at))
h.shutdown()
print(made, flush=True)
`;
