import { expect, test } from '@jest/globals'
import { diskHistory, replay, STORE_FILES } from './support/disk-history.js'
import { parseTrace } from './support/system-calls.js'

const hex = (text: string) => Buffer.from(text).toString('hex').replace(/../g, '\\x$&')
const path = '/d/log/data.mdb'
const journal = '/d/log/journal'
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

const history = (text: string) => diskHistory(parseTrace(text), STORE_FILES, '/d/log', '/d/log.new')

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
  expect(history(trace)).toEqual([
    { kind: 'write', file: 'data.mdb', offset: 4, data: Buffer.from('abcd'), synchronous: false },
    { kind: 'flush', file: 'data.mdb' },
    { kind: 'write', file: 'data.mdb', offset: 0, data: Buffer.from('meta'), synchronous: true },
    { kind: 'said', line: 'ack 1' },
    { kind: 'said', line: 'ack 2' },
  ])
})

test('a file that is made under another name, and its directory flushed', () => {
  const made = `
10 openat(AT_FDCWD<${hex('/')}>, "${hex(`${journal}.new`)}", O_WRONLY|O_CREAT|O_TRUNC, 0600) = 20<${hex(`${journal}.new`)}>
10 write(20<${hex(`${journal}.new`)}>, "${hex('empty')}", 5) = 5
10 fsync(20<${hex(`${journal}.new`)}>) = 0
10 close(20<${hex(`${journal}.new`)}>) = 0
10 rename("${hex(`${journal}.new`)}", "${hex(journal)}") = 0
10 openat(AT_FDCWD<${hex('/')}>, "${hex('/d/log')}", O_RDONLY|O_CLOEXEC) = 20<${hex('/d/log')}>
10 fsync(20<${hex('/d/log')}>) = 0
`
  const events = history(made)
  expect(events).toEqual([
    { kind: 'write', file: 'journal.new', offset: 0, data: Buffer.from('empty'), synchronous: false },
    { kind: 'flush', file: 'journal.new' },
    { kind: 'renamed', file: 'journal.new', to: 'journal' },
    { kind: 'named' },
  ])
  expect(replay(events)).toEqual(new Map([['journal', Buffer.from('empty')]]))
})

test('a string that strace cut short, or a call that is not understood, is an error and not a guess', () => {
  expect(() => parseTrace(`10 write(1<pipe:[7]>, "${hex('a')}"..., 2) = 2\n`)).toThrow(/cut short/)
  const truncated = `${trace}10 ftruncate(18<${hex(path)}>, 0) = 0\n`
  expect(() => history(truncated)).toThrow(/not understood/)
  const again = `10 openat(AT_FDCWD<${hex('/')}>, "${hex(path)}", O_WRONLY|O_CREAT|O_TRUNC, 0600) = 20<${hex(path)}>\n`
  expect(() => history(trace + again)).toThrow(/not understood/)
})
