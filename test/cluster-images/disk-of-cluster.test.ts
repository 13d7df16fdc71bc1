import { expect, test } from '@jest/globals'
import { parseTrace } from '../store/support/system-calls.js'
import { ClusterDisk, clusterHistory } from './disk-of-cluster.js'

const hex = (text: string) => Buffer.from(text).toString('hex').replace(/../g, '\\x$&')
const journal = '/d/1/store-0000/log/journal'
const unborn = `${journal}.new`
const opened = (path: string, flags: string, fd: number) =>
  `7 openat(AT_FDCWD<${hex('/')}>, "${hex(path)}", ${flags}, 0600) = ${fd}<${hex(path)}>`

const born = [
  opened(unborn, 'O_WRONLY|O_CREAT|O_TRUNC', 20),
  `7 write(20<${hex(unborn)}>, "${hex('--------')}", 8) = 8`,
  `7 fsync(20<${hex(unborn)}>) = 0`,
  '7 close(20) = 0',
  opened(journal, 'O_WRONLY|O_DSYNC', 21),
  `7 pwrite64(21<${hex(journal)}>, "${hex('ab')}", 2, 2) = 2`,
]
const killedIn = `7 pwrite64(21<${hex(journal)}>, "${hex('cdef')}", 4, 4 <unfinished ...>
7 <... pwrite64 resumed>) = ?`

test('a journal is known by its later name, and its entries are durable once the next event begins', () => {
  const life = { calls: parseTrace(`${born.join('\n')}\n`), left: () => Buffer.of() }
  const events = clusterHistory([life], '/d')
  expect(events).toEqual([
    { kind: 'write', file: journal, offset: 0, data: Buffer.from('--------'), synchronous: false },
    { kind: 'flush', file: journal },
    { kind: 'write', file: journal, offset: 2, data: Buffer.from('ab'), synchronous: true },
  ])
  const disk = new ClusterDisk()
  for (const event of events) disk.apply(event)
  expect(disk.files.get(journal)).toMatchObject({ durable: Buffer.from('--------'), pending: [{ offset: 2 }] })
  disk.apply({ kind: 'said', line: 'ack 0 1 1' })
  expect(disk.files.get(journal)).toEqual({ durable: Buffer.from('--ab----'), pending: [] })
})

test.each([
  ['nothing', '--ab----', '----'],
  ['a part', '--abcd--', 'cd--'],
  ['all', '--abcdef', 'cdef'],
])(
  'of a write in which the process was killed, %s arrived, and the next life finds it unflushed',
  (_name, left, arrived) => {
    const life = { calls: parseTrace(`${[...born, killedIn].join('\n')}\n`), left: () => Buffer.from(left) }
    const last = clusterHistory([life], '/d').at(-1)
    expect(last).toEqual({ kind: 'write', file: journal, offset: 4, data: Buffer.from(arrived), synchronous: false })
  },
)
