import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { open } from 'lmdb'
import { type CheckpointJob, CheckpointPool } from '../../src/host/checkpoint-pool.js'
import { localCheckpoints } from '../../src/store/checkpoint-local.js'
import { CheckpointReader } from '../../src/store/checkpoint-reader.js'
import { LMDB_OPTIONS } from '../../src/store/lmdb-options.js'
import endless from '../support/machines/endless.js'
import shelf from '../support/machines/shelf.js'
import tally from '../support/machines/tally.js'
import { GROUP, RecordedGroup, SESSION_INSTANCES, VOTER } from '../worker/support/recorded-group.js'
import { machineUrl } from './local-cluster.js'

let root: string
let group: RecordedGroup
let pool: CheckpointPool

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'checkpoint-thread-'))
  pool = new CheckpointPool({ threads: 1, heapMegabytes: 256 })
})
afterEach(async () => {
  expect(await pool.stop(5_000)).toEqual([])
  group.close()
  rmSync(root, { recursive: true })
})

const texts = (count: number, text: string) => {
  for (let k = 0; k < count; k++) group.choose(group.run({ machine: 3, command: { key: `key ${k}`, text } }))
  group.commitState()
}

function job(machines: readonly string[]): CheckpointJob {
  return {
    request: { instance: group.instance, inlinePath: '', replay: true, asked: 0 },
    group: GROUP,
    clusterId: '00000000000000c1',
    membership: { version: 0, voters: [{ nodeId: 1, voterId: VOTER }] },
    directory: group.paths.checkpoints,
    logPath: group.paths.log,
    statePath: group.paths.state,
    stateMachines: machines.map((name) => machineUrl(name).href),
    maxResultBytes: 1 << 20,
    sessionInstances: SESSION_INSTANCES,
    createdAt: 0,
  }
}

test('a thread reads state and log of a group that goes on, and closes them', async () => {
  group = new RecordedGroup(root, [tally, shelf])
  group.open()
  group.choose(group.run({ machine: 1, command: { name: 'a', add: 3 } }))
  texts(40, 'as it was')
  const { instance } = group
  let isOpen = false
  const taken = pool.run(job(['tally', 'shelf']), () => {
    isOpen = true
  })
  for (let n = 0; n < 1_000 && !isOpen; n++) await new Promise((resolve) => setTimeout(resolve, 5))
  texts(40, 'as it is')
  expect(await taken).toMatchObject({ instance })
  const [checkpoint] = localCheckpoints(group.paths.checkpoints)
  const reader = CheckpointReader.open(checkpoint?.path ?? '')
  const entries = [...reader.entries(3)].map(({ value }) => Buffer.from(value).toString())
  expect(entries.length).toBe(40)
  for (const entry of entries) expect(entry).toContain('as it was')
  reader.close()
  expect(readersOf(group.paths.state)).toBe(0)
  expect(readersOf(group.paths.log)).toBe(0)
})

test('a thread that is ended with the state open lets go of it', async () => {
  group = new RecordedGroup(root, [endless, shelf])
  group.open()
  texts(40, 'text')
  let isOpen = false
  const taken = pool.run(job(['endless', 'shelf']), () => {
    isOpen = true
  })
  taken.catch(() => undefined)
  for (let n = 0; n < 1_000 && !isOpen; n++) await new Promise((resolve) => setTimeout(resolve, 5))
  // The stored machine comes first: its entries have been read when there is a file.
  const hasBegun = () => readdirSync(group.paths.checkpoints).some((name) => name.startsWith('writing-'))
  for (let n = 0; n < 1_000 && !(existsSync(group.paths.checkpoints) && hasBegun()); n++)
    await new Promise((resolve) => setTimeout(resolve, 5))
  expect(readersOf(group.paths.state)).toBe(1)
  expect(await pool.stop(5_000)).toEqual([])
  await expect(taken).rejects.toMatchObject({ code: 'NODE_STOPPED' })
  expect(readersOf(group.paths.state)).toBe(0)
  // Pages that are freed are used again.
  for (let n = 0; n < 5; n++) texts(5, 'x'.repeat(2_000))
  const file = join(group.paths.state, 'data.mdb')
  const { size } = statSync(file)
  for (let n = 0; n < 60; n++) texts(5, 'y'.repeat(2_000))
  expect(statSync(file).size).toBeLessThan(size + 200_000)
})

/** Threads that have a read transaction open in an environment of this process. */
function readersOf(path: string): number {
  const db = open({ path, ...LMDB_OPTIONS }) as unknown as { readerList(): string; close(): Promise<void> }
  const lines = db.readerList().split('\n').slice(1)
  void db.close()
  return lines.filter((line) => line.trim() !== '' && !line.trim().endsWith('-')).length
}
