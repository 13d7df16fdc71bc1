import { expect, test } from '@jest/globals'
import { diskHistory } from './support/disk-history.js'
import { parseTrace } from './support/system-calls.js'

const hex = (text: string) => Buffer.from(text).toString('hex').replace(/../g, '\\x$&')
const path = '/d/log/data.mdb'
const trace = `
10 openat(AT_FDCWD<${hex('/')}>, "${hex(path)}", O_RDWR|O_CREAT, 0664) = 18<${hex(path)}>
10 openat(AT_FDCWD<${hex('/')}>, "${hex(path)}", O_WRONLY|O_DSYNC|O_CLOEXEC) = 19<${hex(path)}>
10 lseek(18<${hex(path)}>, 4, SEEK_SET) = 4
10 writev(18<${hex(path)}>, [{iov_base="${hex('ab')}", iov_len=2}, {iov_base="${hex('cd')}", iov_len=2}], 2) = 4
11 sendmsg(30<TCP:[127.0.0.1:1->127.0.0.1:2]>, {msg_iov=[{iov_base="${hex('vote')}", iov_len=4}]}, 0 <unfinished ...>
10 fdatasync(18<${hex(path)}> <unfinished ...>
11 <... sendmsg resumed>) = 4
10 <... fdatasync resumed>) = 0
10 pwrite64(19<${hex(path)}>, "${hex('meta')}", 4, 0) = 4
10 write(1<pipe:[7]>, "${hex('ack 1\nack 2\n')}", 12) = 12
`

test('a trace gives the calls of all threads, with where they began and ended', () => {
  const calls = parseTrace(trace)
  const send = calls.find(({ name }) => name === 'sendmsg')
  const flush = calls.find(({ name }) => name === 'fdatasync')
  expect(send).toMatchObject({
    thread: 11,
    fd: 30,
    target: 'TCP:[127.0.0.1:1->127.0.0.1:2]',
    data: Buffer.from('vote'),
  })
  // What a check of the orderings asks: it was sent before the flush had ended.
  expect(send?.started).toBeLessThan(flush?.ended ?? 0)
})

test('what happened to a file: data in place, flushes, synchronous writes, acknowledgements', () => {
  expect(diskHistory(parseTrace(trace), 'data.mdb', '/d/log', '/d/log.new')).toEqual([
    { kind: 'write', offset: 4, data: Buffer.from('abcd'), synchronous: false },
    { kind: 'flush' },
    { kind: 'write', offset: 0, data: Buffer.from('meta'), synchronous: true },
    { kind: 'said', line: 'ack 1' },
    { kind: 'said', line: 'ack 2' },
  ])
})

test('a string that strace cut short, or a call that is not understood, is an error and not a guess', () => {
  expect(() => parseTrace(`10 write(1<pipe:[7]>, "${hex('a')}"..., 2) = 2\n`)).toThrow(/cut short/)
  const truncated = `${trace}10 ftruncate(18<${hex(path)}>, 0) = 0\n`
  expect(() => diskHistory(parseTrace(truncated), 'data.mdb', '/d/log', '/d/log.new')).toThrow(/not understood/)
})
