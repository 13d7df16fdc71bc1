import { execFile } from 'node:child_process'
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { decodeHead, encodeHead, HEAD_BYTES, type StoredHead } from '../../src/codec/head.js'
import { decodeRecord, encodeRecord, recordBytes } from '../../src/codec/record.js'
import type { LogRecord } from '../../src/core/durable.js'
import { headKey, identityKey, KEY_BYTES, recordKey } from '../../src/store/log-keys.js'
import type { LocalCluster } from '../host/local-cluster.js'
import { editRaw, flipBit, flipWhere } from '../store/support/raw-environment.js'
import {
  COMMANDS,
  cli,
  cliJson,
  copyOfDirectory,
  headsOf,
  MAIN,
  pictureOf,
  startSample,
} from './support/sample-node.js'

const key = () => new Uint8Array(KEY_BYTES)

let cluster: LocalCluster
/** Of a stopped node. Never changed. */
let sound: string
let chosen: number[]

beforeAll(async () => {
  cluster = await startSample()
  await cluster.down(1)
  sound = join(cluster.base, '1')
  chosen = headsOf(sound).map(({ chosenUpTo }) => chosenUpTo)
})
afterAll(() => cluster?.stop())

interface Found {
  readonly status: number | null
  readonly damage: Record<string, unknown>[]
  readonly notes: Record<string, unknown>[]
  readonly summary: Record<string, unknown>
}

function verify(directory: string, ...args: string[]): Found {
  const { status, all } = cliJson('verify', directory, ...args)
  const findings = all.filter(({ type }) => type === 'finding')
  const summary = all.find(({ type }) => type === 'summary') ?? {}
  const [damage, notes] = [
    findings.filter(({ level }) => level === 'damage'),
    findings.filter(({ level }) => level === 'note'),
  ]
  return { status, damage, notes, summary }
}

/** What is found after something was done to a copy. */
function afterDamage(harm: (directory: string) => void, ...args: string[]): Found {
  const directory = copyOfDirectory(sound)
  harm(directory)
  return verify(directory, ...args)
}

function flipByte(path: string, at: number): void {
  const bytes = readFileSync(path)
  bytes[at] = (bytes[at] ?? 0) ^ 0x10
  writeFileSync(path, bytes)
}

const logOf = (directory: string, store = 0) => join(directory, `store-000${store}`, 'log')
const stateOf = (directory: string, store = 0) => join(directory, `store-000${store}`, 'state')

function checkpointOf(directory: string, group: number): string {
  const parent = join(directory, `store-000${group % 2}`, 'checkpoints', `group-${group}`)
  return join(parent, readdirSync(parent).sort().at(-1) as string)
}

/** Both copies, with checksums that fit. */
function editHeads(path: string, group: number, change: (stored: StoredHead) => StoredHead): void {
  editRaw(path, ({ get, put }) => {
    const stored = decodeHead(get(headKey(key(), group, 0)), group) as StoredHead
    const bytes = new Uint8Array(HEAD_BYTES)
    encodeHead(bytes, group, change(stored))
    for (const copy of [0, 1] as const) put(headKey(key(), group, copy), bytes)
  })
}

/** A record as the store would have written it, with a checksum that fits. */
function editRecord(path: string, group: number, instance: number, change: (record: LogRecord) => LogRecord): void {
  editRaw(path, ({ get, put }) => {
    const record = change(decodeRecord(get(recordKey(key(), group, instance)), group, instance) as LogRecord)
    const bytes = new Uint8Array(recordBytes(record))
    encodeRecord(bytes, group, record)
    put(recordKey(key(), group, instance), bytes)
  })
}

describe('what is sound', () => {
  test('is said to be, with what was read, and the exit status 0', () => {
    for (const args of [[], ['--deep']]) {
      const { status, damage, notes, summary } = verify(sound, ...args)
      expect({ status, damage, notes }).toEqual({ status: 0, damage: [], notes: [] })
      expect(summary).toMatchObject({
        verdict: 'sound',
        stores: 2,
        groups: 3,
        checkpoints: 2,
        stateEntries: expect.any(Number),
      })
      // What was executed last may not have been committed, and is executed again.
      expect(summary.stateEntries).toBeGreaterThanOrEqual(2 * COMMANDS)
      expect(summary.records).toBeGreaterThan((chosen[0] ?? 0) + (chosen[2] ?? 0))
    }
    const { status, lines } = cli('verify', sound)
    expect(status).toBe(0)
    expect(lines).toEqual([
      expect.stringMatching(/ is sound \(read 2 stores, 3 groups, \d+ records, \d+ entries of state, /),
    ])
  })

  test('nothing is changed by looking, and no lock file of LMDB is wanted', () => {
    const directory = copyOfDirectory(sound)
    for (const store of [0, 1]) rmSync(join(logOf(directory, store), 'lock.mdb'))
    const before = pictureOf(directory)
    expect(verify(directory, '--deep').status).toBe(0)
    expect(pictureOf(directory)).toEqual(before)
  })

  test('one group alone, in its store', () => {
    const { status, summary } = verify(sound, '--group', '1')
    expect(status).toBe(0)
    expect(summary).toMatchObject({ stores: 1, groups: 1, checkpoints: 1, stateEntries: expect.any(Number) })
  })
})

describe('damage is found and named:', () => {
  test('a flipped bit in a record', () => {
    const { status, damage } = afterDamage((at) => flipBit(logOf(at), recordKey(key(), 0, 7), 500))
    expect(status).toBe(1)
    expect(damage).toEqual([
      expect.objectContaining({
        code: 'RECORD_DAMAGED',
        group: 0,
        instance: 7,
        what: 'record 7 is unreadable (checksum)',
      }),
    ])
  })

  test('records that are missing, together', () => {
    const { damage } = afterDamage((at) =>
      editRaw(logOf(at), ({ remove }) => {
        for (const instance of [9, 10, 11]) remove(recordKey(key(), 2, instance))
      }),
    )
    expect(damage).toEqual([
      expect.objectContaining({ code: 'RECORD_DAMAGED', group: 2, instance: 9, what: 'records 9..11 are missing' }),
    ])
  })

  test('another value under a right checksum, by the chain', () => {
    const change = (record: LogRecord): LogRecord => {
      const value = Uint8Array.from(record.value)
      value[value.length - 1] = (value.at(-1) ?? 0) ^ 1
      return { ...record, value }
    }
    // Behind its checkpoint, before it, and where there is none.
    const behind = afterDamage((at) => editRecord(logOf(at, 1), 1, chosen[1] ?? 0, change))
    // The state says so too, where it was committed at that very instance.
    const inLog = { code: 'CHAIN_MISMATCH', group: 1, instance: chosen[1], path: expect.stringMatching(/log$/) }
    expect(behind.damage.at(-1)).toMatchObject(inLog)
    expect(new Set(behind.damage.map(({ code }) => code))).toEqual(new Set(['CHAIN_MISMATCH']))
    const before = afterDamage((at) => editRecord(logOf(at), 0, 3, change))
    expect(before.damage.map(({ code, path }) => [code, String(path).split('/').at(-3)])).toContainEqual([
      'CHAIN_MISMATCH',
      'checkpoints',
    ])
    const head = afterDamage((at) =>
      editHeads(logOf(at), 2, ({ head: was, ...rest }) => ({ ...rest, head: { ...was, chain: 1 } })),
    )
    expect(head.damage).toEqual([expect.objectContaining({ code: 'CHAIN_MISMATCH', group: 2, instance: chosen[2] })])
  })

  test('what decodes to no commands, by --deep alone', () => {
    const harm = (at: string) =>
      editRecord(logOf(at), 2, chosen[2] ?? 0, (record) => ({ ...record, value: new Uint8Array(9) }))
    const told = (found: Found) => found.damage.map(({ code }) => code)
    expect(told(afterDamage(harm))).not.toContain('RECORD_DAMAGED')
    expect(told(afterDamage(harm, '--deep'))).toContain('RECORD_DAMAGED')
  })

  test('one copy of a head, and both', () => {
    const one = afterDamage((at) => flipBit(logOf(at), headKey(key(), 0, 1), 130))
    expect(one.status).toBe(1)
    expect(one.damage).toEqual([
      expect.objectContaining({ code: 'GROUP_DAMAGED', group: 0, what: 'copy 2 of its head is unreadable (checksum)' }),
    ])
    const both = afterDamage((at) => {
      for (const copy of [0, 1] as const) flipBit(logOf(at), headKey(key(), 0, copy), 130)
    })
    expect(both.damage).toEqual([
      expect.objectContaining({
        code: 'GROUP_DAMAGED',
        group: 0,
        what: expect.stringContaining('both copies of its head'),
      }),
    ])
    const differ = afterDamage((at) =>
      editRaw(logOf(at), ({ get, put }) => {
        const stored = decodeHead(get(headKey(key(), 0, 0)), 0) as StoredHead
        const bytes = new Uint8Array(HEAD_BYTES)
        encodeHead(bytes, 0, { ...stored, head: { ...stored.head, promised: stored.head.promised + 65_536 } })
        put(headKey(key(), 0, 0), bytes)
      }),
    )
    expect(differ.damage).toEqual([
      expect.objectContaining({ code: 'GROUP_DAMAGED', what: 'the two copies of its head differ' }),
    ])
  })

  test('an accepted tail that is not the one of the head', () => {
    const last = chosen[2] ?? 0
    const ahead = (change: (stored: StoredHead) => Partial<StoredHead>) => (at: string) =>
      editHeads(logOf(at), 2, (stored) => ({ ...stored, ...change(stored) }))
    // The last chosen record as one that is only accepted; its crc is then the digest.
    const opened = ahead(({ head }) => ({ head: { ...head, chosenUpTo: last - 1 } }))
    expect(afterDamage(opened).damage.map(({ what }) => what)).toContain(
      'its accepted records are not the ones that its head was written for',
    )
    const longer = ahead(({ head }) => ({ head: { ...head, lastAccepted: last + 2 } }))
    expect(afterDamage(longer).damage.map(({ what }) => what)).toEqual([
      `accepted record ${last + 1} is missing`,
      `accepted record ${last + 2} is missing`,
    ])
  })

  test('an identity', () => {
    const { damage } = afterDamage((at) => flipBit(logOf(at, 1), identityKey(key(), 0), 100))
    expect(damage).toEqual([
      expect.objectContaining({ code: 'STORE_DAMAGED', what: 'one copy of its identity is damaged' }),
    ])
    const foreign = afterDamage((at) => {
      for (const file of ['data.mdb', 'journal'])
        copyFileSync(join(logOf(join(cluster.base, '2'), 1), file), join(logOf(at, 1), file))
    })
    expect(foreign.damage.map(({ code }) => code)).toContain('STORE_FOREIGN')
  })

  test('a block of the state, which the log alone cannot show', () => {
    const { status, damage } = afterDamage((at) => flipWhere(stateOf(at), Buffer.from('first text 17')))
    expect(status).toBe(1)
    expect(damage).toEqual([
      expect.objectContaining({ code: 'STATE_DAMAGED', path: expect.stringMatching(/store-0000\/state$/) }),
    ])
  })

  test('heads of a state', () => {
    const one = afterDamage((at) => flipBit(stateOf(at), headKey(key(), 0, 0), 300))
    expect(one.damage).toEqual([
      expect.objectContaining({
        code: 'STATE_DAMAGED',
        group: 0,
        what: expect.stringContaining('copy 1 of the head of its state'),
      }),
    ])
  })

  test('a state that is ahead of its log', () => {
    const { damage } = afterDamage((at) =>
      editHeads(logOf(at), 2, ({ head, ...rest }) => ({ ...rest, head: { ...head, chosenUpTo: 5, lastAccepted: 5 } })),
    )
    expect(damage.map(({ what }) => what)).toContainEqual(expect.stringContaining('the log is older than it was'))
  })

  test('a block and a manifest of a checkpoint', () => {
    const block = afterDamage((at) => flipByte(join(checkpointOf(at, 0), 'data'), 10))
    expect(block.status).toBe(1)
    expect(block.damage).toEqual([
      expect.objectContaining({
        code: 'CHECKPOINT_DAMAGED',
        what: expect.stringContaining('the checksum of block 0 does not fit'),
      }),
    ])
    const manifest = afterDamage((at) => flipByte(join(checkpointOf(at, 0), 'manifest'), 30))
    expect(manifest.damage).toEqual([
      expect.objectContaining({
        code: 'CHECKPOINT_DAMAGED',
        what: expect.stringContaining('its checksum does not fit'),
      }),
    ])
  })

  test('a log that begins behind everything that is left', () => {
    const { damage } = afterDamage((at) => {
      rmSync(checkpointOf(at, 1), { recursive: true })
      rmSync(stateOf(at, 1), { recursive: true })
    })
    expect(damage).toEqual([
      expect.objectContaining({
        code: 'CHECKPOINT_DAMAGED',
        group: 1,
        what: expect.stringContaining('no readable checkpoint'),
      }),
    ])
  })

  test('a checkpoint of another cluster or place', () => {
    const { damage } = afterDamage((at) => {
      const from = checkpointOf(at, 0)
      const to = join(from, '..', '000000000005')
      mkdirSync(to)
      for (const name of ['manifest', 'data']) copyFileSync(join(from, name), join(to, name))
    })
    expect(damage).toEqual([
      expect.objectContaining({
        code: 'CHECKPOINT_DAMAGED',
        instance: 5,
        what: expect.stringContaining('its manifest is of instance'),
      }),
    ])
  })

  test('the manifest of the directory, and what is below it is checked all the same', () => {
    const { status, damage, summary } = afterDamage((at) => flipByte(join(at, 'manifest.json'), 60))
    expect(status).toBe(1)
    expect(damage.map(({ code }) => code)).toEqual(['MANIFEST_DAMAGED'])
    expect(summary).toMatchObject({ stores: 2, groups: 3, checkpoints: 2 })
  })

  test('a store that is gone', () => {
    const { status, damage } = afterDamage((at) => rmSync(join(at, 'store-0001'), { recursive: true }))
    expect(status).toBe(1)
    expect(damage).toEqual([
      expect.objectContaining({
        code: 'STORE_DAMAGED',
        path: expect.stringMatching(/store-0001\/log$/),
        what: 'it is missing',
      }),
    ])
  })

  test('a meta page, which LMDB is not shown', () => {
    const { damage } = afterDamage((at) => flipByte(join(logOf(at), 'data.mdb'), 152))
    expect(damage).toEqual([
      expect.objectContaining({
        code: 'STORE_DAMAGED',
        what: expect.stringContaining('its meta pages are of commits'),
      }),
    ])
  })

  test('a file that is cut short, which LMDB is not shown either', () => {
    // The pages are named, and not there.
    const { status, damage } = afterDamage((at) => truncateSync(join(logOf(at), 'data.mdb'), 2 * 4096))
    expect(status).toBe(1)
    expect(damage).toEqual([
      expect.objectContaining({ code: 'STORE_DAMAGED', what: expect.stringMatching(/page \d+ of its index/) }),
    ])
  })

  test('a store whose reading crashes: the rest is checked all the same', () => {
    const { status, damage, summary } = afterDamage((at) => writeFileSync(join(logOf(at), 'deadly'), ''))
    expect(status).toBe(1)
    expect(damage).toEqual([
      expect.objectContaining({
        code: 'CRASHED',
        what: expect.stringMatching(/^reading store 0 crashed with SIG[A-Z]+, at log/),
      }),
    ])
    expect(summary).toMatchObject({ checkpoints: 2, stateEntries: expect.any(Number), groups: 1 })
    expect(summary.stateEntries).toBeGreaterThanOrEqual(2 * COMMANDS)
    const state = afterDamage((at) => writeFileSync(join(stateOf(at), 'deadly'), ''))
    expect(state.damage).toEqual([
      expect.objectContaining({ code: 'CRASHED', what: expect.stringMatching(/at state/) }),
    ])
    expect(state.summary).toMatchObject({ checkpoints: 2, groups: 3 })
  })

  test('as lines that say what to do', () => {
    const directory = copyOfDirectory(sound)
    flipBit(logOf(directory), recordKey(key(), 0, 7), 500)
    const { status, lines } = cli('verify', directory)
    expect(status).toBe(1)
    expect(lines).toEqual([
      `DAMAGED RECORD_DAMAGED ${logOf(directory)} group 0: record 7 is unreadable (checksum). A running node learns it again from a peer; so start it, or read the alarms if it runs.`,
      expect.stringMatching(/ is DAMAGED: 1 findings \(read /),
    ])
  })
})

describe('what cannot be checked', () => {
  test('a directory that a process has is refused, and read beside it with --live', async () => {
    const running = join(cluster.base, '2')
    const { status, stderr } = cli('verify', running)
    expect(status).toBe(2)
    expect(stderr).toContain(`is in use by process ${process.pid}`)
    let isOver = false
    const load = (async () => {
      while (!isOver) await cluster.node(2).group(0).propose({ name: 'load', add: 1 })
    })()
    const { stdout } = await promisify(execFile)(process.execPath, [
      MAIN,
      'verify',
      running,
      '--live',
      '--deep',
      '--json',
    ])
    isOver = true
    await load
    const all = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(all.filter(({ level }) => level === 'damage')).toEqual([])
    expect(all.at(-1)).toMatchObject({ verdict: 'sound', groups: 3, checkpoints: 2, stateEntries: 0 })
    // The thread of these nodes stood still whenever a test waited for a command.
    expect(cluster.alarms.filter(({ code }) => code !== 'LOOP_DELAYED')).toEqual([])
  })

  test('no directory, no data, no such group', () => {
    expect(cli('verify', join(sound, 'nothing')).status).toBe(2)
    expect(cli('verify', join(sound, 'store-0000')).status).toBe(2)
    expect(cli('verify', sound, '--group', '9').status).toBe(2)
  })
})
