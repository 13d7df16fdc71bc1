import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { decodeBuiltIn } from '../../src/codec/built-in-state.js'
import type { CheckpointTask } from '../../src/codec/checkpoint-task.js'
import type { TakeRequest } from '../../src/codec/worker-records.js'
import { allocateGate, isCondemned, SupervisorGate, WorkerGate } from '../../src/ring/gate-word.js'
import { type AnyStateMachine, defineStateMachine } from '../../src/state-machine/contract.js'
import { writeInline } from '../../src/store/checkpoint-inline.js'
import { inlineStatePath, saveOfMachine, savesPath } from '../../src/store/checkpoint-layout.js'
import { localCheckpoints } from '../../src/store/checkpoint-local.js'
import { CheckpointReader } from '../../src/store/checkpoint-reader.js'
import { LmdbLogView } from '../../src/store/lmdb-log-view.js'
import { recordKey } from '../../src/store/log-keys.js'
import { StateReader } from '../../src/store/state-reader.js'
import { makeCheckpoint } from '../../src/worker/checkpoint-task.js'
import { payloadTools } from '../../src/worker/payload-tools.js'
import { Rest } from '../../src/worker/rest.js'
import { journalMachine } from '../state-machine/support/journal-machine.js'
import { editRaw, flipBit, flipWhere } from '../store/support/raw-environment.js'
import { GROUP, RecordedGroup, SESSION_INSTANCES, type Sent } from './support/recorded-group.js'

interface Sums {
  [name: string]: number
}

/** Sums by name, and the place of the last command: what is executed twice, or not, shows. */
const sums = defineStateMachine({
  id: 1,
  create: () => ({ sums: {} as Sums, last: '' }),
  execute(state, { name, add }: { name: string; add: number }, { instance, index }) {
    state.sums[name] = (state.sums[name] ?? 0) + add
    state.last = `${instance}/${index}`
    return state.sums[name]
  },
  snapshot: (state) => state,
  restore: (saved) => saved as { sums: Sums; last: string },
})

const words = defineStateMachine({
  id: 2,
  create: (): string[] => [],
  execute: (state, word: string) => state.push(word),
  snapshot: (state) => state,
  restore: (saved) => saved as string[],
})

const store = defineStateMachine({
  kind: 'stored',
  id: 5,
  execute(state, { key, value }: { key: string; value: string | null }) {
    if (value === null) state.remove(key)
    else state.put(key, value)
    return key.length
  },
})

let root: string
let group: RecordedGroup
let posted: number

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'checkpoint-task-'))
  posted = 0
})
afterEach(() => {
  group.close()
  rmSync(root, { recursive: true })
})

const add = (name: string, by: number): Sent => ({ machine: 1, command: { name, add: by } })
const say = (word: string): Sent => ({ machine: 2, command: word })
const put = (key: string, value: string | null): Sent => ({ machine: 5, command: { key, value } })

interface Options {
  /** Called when the task says that its snapshot is fixed. */
  readonly opened?: () => void
  readonly gate?: WorkerGate
}

function make(machines: readonly AnyStateMachine[], request: Partial<TakeRequest> = {}, options: Options = {}) {
  const gate = options.gate ?? new WorkerGate(allocateGate())
  const clock = { now: () => performance.now() }
  const opened = {
    postMessage() {
      posted++
      options.opened?.()
    },
    close() {},
  }
  const task: CheckpointTask = {
    request: { instance: group.instance, inlinePath: '', replay: false, asked: 0, ...request },
    group: GROUP,
    clusterId: '00000000000000c1',
    membership: { version: 0, voters: [3, 1, 2].map((nodeId) => ({ nodeId, voterId: `000000000000000${nodeId}` })) },
    directory: group.paths.checkpoints,
    logPath: group.paths.log,
    statePath: group.paths.state,
    stateMachines: [],
    maxResultBytes: 1 << 20,
    sessionInstances: SESSION_INSTANCES,
    createdAt: 1234,
    gate: allocateGate(),
    opened,
  }
  return makeCheckpoint(task, {
    gate,
    clock,
    rest: new Rest(gate, clock, () => undefined, 1),
    machines,
    openLog: (path) => new LmdbLogView(path),
    openState: (path) => StateReader.open(path),
  })
}

function onlyCheckpoint(): CheckpointReader {
  const [newest] = localCheckpoints(group.paths.checkpoints)
  if (newest === undefined) throw new Error('there is no checkpoint')
  return CheckpointReader.open(newest.path)
}

/** Position and state of the machines in memory are those of the group, which has executed everything once. */
function expectSameAs(reader: CheckpointReader, expected: ReturnType<typeof standing>): void {
  const { instance, chain, digest, builtIn } = reader.manifest
  expect({ executedUpTo: instance, chain, digest }).toEqual({ ...expected.position, builtIn: undefined })
  expect(decodeBuiltIn(builtIn)).toEqual(decodeBuiltIn(expected.position.builtIn))
  for (const [machine, bytes] of expected.snapshots)
    expect(payloadTools.decodePlain(reader.snapshot(machine))).toEqual(payloadTools.decodePlain(bytes))
}

function standing() {
  const { machines, position } = group
  const snapshots = machines.memoryIds.map((id) => [id, Uint8Array.from(machines.snapshot(id))] as const)
  return { position, snapshots }
}

function failureOf(work: () => unknown): { readonly code: string; readonly message: string } {
  try {
    work()
  } catch (error) {
    return error as never
  }
  throw new Error('it did not fail')
}

/** Nothing of a failed task is left but what was there before. */
function expectNothingNew(before: readonly string[] = []): void {
  const names = existsSync(group.paths.checkpoints) ? readdirSync(group.paths.checkpoints) : []
  expect(names.sort()).toEqual([...before].sort())
}

/** Commands, some of them chosen twice, as happens when a leader changes: only the first counts. */
function work(instances: number): void {
  if (group.instance === 0) group.open()
  for (let k = 0; k < instances; k++) {
    const one = group.run(add(`k${k % 5}`, k), say(`w${k}`))
    const other = group.run(add('all', 1))
    group.choose(one, ...(k % 3 === 0 ? [other, one] : [other]))
    if (k % 4 === 0) group.choose(other, one)
  }
}

describe('machines in memory', () => {
  test('are replayed from the beginning of the log, duplicates left out, to exactly the instance asked for', () => {
    group = new RecordedGroup(root, [sums, words])
    work(40)
    const expected = standing()
    work(10)
    const { executedUpTo } = expected.position
    const taken = make([words, sums], { instance: executedUpTo, replay: true })
    const reader = onlyCheckpoint()
    expectSameAs(reader, expected)
    // By hand: 40 pairs, each executed once.
    expect(payloadTools.decodePlain(reader.snapshot(1))).toMatchObject({
      sums: { all: 40, k0: 0 + 5 + 10 + 15 + 20 + 25 + 30 + 35 },
    })
    expect((payloadTools.decodePlain(reader.snapshot(2)) as string[]).length).toBe(40)
    const { manifest } = reader
    expect(manifest.machines).toEqual([
      { id: 1, kind: 'memory' },
      { id: 2, kind: 'memory' },
    ])
    expect(manifest.membership.voters.map(({ nodeId }) => nodeId)).toEqual([1, 2, 3])
    expect(manifest).toMatchObject({ group: GROUP, clusterId: '00000000000000c1', createdAt: 1234 })
    expect(taken).toMatchObject({ instance: executedUpTo, id: manifest.id })
    expect(taken.snapshotMs).toBeGreaterThan(0)
    expect(posted).toBe(1)
    reader.verify()
    reader.close()
    expectNothingNew([String(executedUpTo).padStart(12, '0')])
  })

  test('go on from the last checkpoint, when the log before it is gone', () => {
    group = new RecordedGroup(root, [sums, words])
    work(120)
    const first = group.instance
    make([sums, words], { replay: true })
    group.trim(first + 1)
    work(30)
    expect(group.log.read(GROUP, 1, 1, 1)).toEqual([])
    make([sums, words], { replay: true })
    const reader = onlyCheckpoint()
    expect(reader.manifest.instance).toBe(group.instance)
    expectSameAs(reader, standing())
    reader.close()
    // Sessions come from the checkpoint too: what was chosen before it is known as a duplicate behind it.
    const again = group.run(add('again', 1))
    group.choose(again)
    make([sums, words], { replay: true })
    group.choose(again)
    make([sums, words], { replay: true })
    const last = onlyCheckpoint()
    expect(payloadTools.decodePlain(last.snapshot(1))).toMatchObject({ sums: { again: 1 } })
    expectSameAs(last, standing())
    last.close()
  })

  test('take a checkpoint of the very instance for their base', () => {
    group = new RecordedGroup(root, [sums, words])
    work(9)
    make([sums, words], { replay: true })
    const first = onlyCheckpoint()
    make([sums, words], { replay: true })
    const second = onlyCheckpoint()
    expect(second.manifest.id).toBe(first.manifest.id)
    first.close()
    second.close()
  })

  test('are taken as the group has saved them', () => {
    group = new RecordedGroup(root, [sums, words])
    work(20)
    const expected = standing()
    const { checkpoints } = group.paths
    mkdirSync(checkpoints, { recursive: true })
    const path = inlineStatePath(checkpoints, group.instance)
    const snapshots = expected.snapshots.map(([machine, bytes]) => ({ machine, bytes }))
    writeInline(path, { position: expected.position, snapshots })
    const { instance } = group
    work(3)
    expect(make([sums, words], { instance, inlinePath: path })).toMatchObject({ instance, snapshotMs: 0 })
    const reader = onlyCheckpoint()
    expectSameAs(reader, expected)
    reader.close()
    expectNothingNew([String(instance).padStart(12, '0')])
  })

  test('take no checkpoint for their base that is ahead of the instance, as one from a peer may be', () => {
    group = new RecordedGroup(root, [sums, words])
    work(10)
    const expected = standing()
    const { instance } = group
    work(10)
    make([sums, words], { replay: true })
    make([sums, words], { instance, replay: true })
    const [, older] = localCheckpoints(group.paths.checkpoints)
    const reader = CheckpointReader.open(older?.path ?? '')
    expectSameAs(reader, expected)
    reader.close()
  })

  test('an older checkpoint and more of the log stand in for a newest one that is damaged', () => {
    group = new RecordedGroup(root, [sums, words])
    work(20)
    make([sums, words], { replay: true })
    work(20)
    make([sums, words], { replay: true })
    damageNewest()
    work(5)
    make([sums, words], { replay: true })
    const reader = onlyCheckpoint()
    expectSameAs(reader, standing())
    reader.close()
  })

  test('nothing stands in for one that is damaged, where the log is trimmed: the failure names it', () => {
    group = new RecordedGroup(root, [sums, words])
    work(120)
    make([sums, words], { replay: true })
    const first = group.instance
    group.trim(first + 1)
    work(5)
    damageNewest()
    const failure = failureOf(() => make([sums, words], { replay: true }))
    expect(failure).toMatchObject({ code: 'CHECKPOINT_FAILED' })
    expect(failure.message).toMatch(
      /record 1 of group 3 is not in .*; a newer checkpoint cannot be used: .*data is damaged/,
    )
    expectNothingNew([String(first).padStart(12, '0')])
  })
})

function damageNewest(): void {
  const [newest] = localCheckpoints(group.paths.checkpoints)
  const path = join(newest?.path ?? '', 'data')
  const bytes = readFileSync(path)
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 4
  writeFileSync(path, bytes)
}

describe('stored machines', () => {
  test('are read as of the instance, whatever is committed meanwhile', () => {
    group = new RecordedGroup(root, [store])
    group.open()
    for (let k = 0; k < 90; k++) group.choose(group.run(put(`key ${k}`, `value ${k}`), put(`key ${k - 7}`, null)))
    group.commitState()
    const expected = standing()
    const { instance } = group
    const opened = () => {
      for (let k = 0; k < 90; k++) group.choose(group.run(put(`key ${k}`, 'too late')))
      group.commitState()
    }
    expect(make([store], { instance }, { opened }).snapshotMs).toBe(0)
    const reader = onlyCheckpoint()
    expectSameAs(reader, expected)
    const entries = [...reader.entries(5)].map(({ key, value }) => [
      Buffer.from(key).toString(),
      payloadTools.decodePlain(value),
    ])
    const wanted = [83, 84, 85, 86, 87, 88, 89].map((k) => [`key ${k}`, `value ${k}`])
    expect(entries).toEqual(wanted)
    reader.close()
  })

  test('beside machines in memory, which are replayed to exactly where the state stands', () => {
    group = new RecordedGroup(root, [sums, store, words])
    work(30)
    for (let k = 0; k < 50; k++) group.choose(group.run(put(`key ${k}`, 'v'), add('mixed', 1)))
    group.commitState()
    const expected = standing()
    const { instance } = group
    work(30)
    make([sums, store, words], { instance, replay: true })
    const reader = onlyCheckpoint()
    expectSameAs(reader, expected)
    expect([...reader.entries(5)].length).toBe(50)
    expect(reader.manifest.machines.map(({ id, kind }) => `${id} ${kind}`)).toEqual([
      '1 memory',
      '2 memory',
      '5 stored',
    ])
    reader.close()
  })

  test.each([
    ['moved on', () => group.commitState()],
    ['never committed', () => undefined],
  ])('a state that has %s meanwhile is said so, and may be tried again', (_, before) => {
    group = new RecordedGroup(root, [store])
    group.open()
    group.choose(group.run(put('a', 'b')))
    const { instance } = group
    group.choose(group.run(put('a', 'c')))
    before()
    const failure = failureOf(() => make([store], { instance }))
    expect(failure).toMatchObject({ code: 'STATE_MOVED' })
    expect(posted).toBe(0)
    expectNothingNew()
  })

  test('a damaged state gives no checkpoint', () => {
    group = new RecordedGroup(root, [store])
    group.open()
    for (let k = 0; k < 90; k++) group.choose(group.run(put(`key ${k}`, `value ${k}`.repeat(20))))
    group.commitState()
    const { instance } = group
    group.close()
    flipWhere(group.paths.state, Buffer.from('value 50value 50'))
    expect(failureOf(() => make([store], { instance }))).toMatchObject({ code: 'STATE_DAMAGED' })
    expectNothingNew()
    group = new RecordedGroup(mkdtempSync(join(root, 'other-')), [sums])
  })
})

describe('external machines', () => {
  test('give the files that they have saved', () => {
    group = new RecordedGroup(root, [journalMachine])
    group.open()
    for (let k = 1; k < 30; k++) group.choose(group.run({ machine: 8, command: { add: k } }))
    group.commitState()
    const { instance } = group
    const expected = standing()
    const saves = savesPath(group.paths.checkpoints, instance)
    const save = saveOfMachine(saves, 8)
    mkdirSync(save, { recursive: true })
    group.machines.save(8, save)
    const saved = readFileSync(join(save, 'journal'))
    writeFileSync(join(save, 'empty'), '')
    group.choose(group.run({ machine: 8, command: { add: 1000 } }))
    make([journalMachine], { instance })
    const reader = onlyCheckpoint()
    expectSameAs(reader, expected)
    const files = reader.files(8).map(({ name, chunks }) => [name, Buffer.concat([...chunks()])] as const)
    expect(new Map(files)).toEqual(
      new Map([
        ['empty', Buffer.alloc(0)],
        ['journal', saved],
      ]),
    )
    reader.close()
    expectNothingNew([String(instance).padStart(12, '0')])
  })

  test('may save plain files only', () => {
    group = new RecordedGroup(root, [journalMachine])
    group.open()
    group.choose(group.run({ machine: 8, command: { add: 1 } }))
    group.commitState()
    const save = saveOfMachine(savesPath(group.paths.checkpoints, group.instance), 8)
    mkdirSync(join(save, 'folder'), { recursive: true })
    const failure = failureOf(() => make([journalMachine]))
    expect(failure).toMatchObject({
      code: 'CHECKPOINT_FAILED',
      message: expect.stringMatching(/folder, which is no plain file/),
    })
    expectNothingNew()
  })
})

describe('what fails leaves nothing behind', () => {
  /** The log is closed, changed, and opened by the task alone. */
  function tampered(change: () => void): { readonly code: string; readonly message: string } {
    const { instance } = group
    group.close()
    change()
    const failure = failureOf(() => make([sums, words], { instance, replay: true }))
    expectNothingNew()
    group = new RecordedGroup(mkdtempSync(join(root, 'other-')), [sums])
    return failure
  }
  const key = (instance: number) => recordKey(new Uint8Array(8), GROUP, instance)

  test('a damaged record of the log', () => {
    group = new RecordedGroup(root, [sums, words])
    work(20)
    const failure = tampered(() => flipBit(group.paths.log, key(9), 500))
    expect(failure).toMatchObject({ code: 'RECORD_DAMAGED', instance: 9 })
  })

  test('a sound record that is not the one that was chosen, executed or not', () => {
    for (const at of [9, 24]) {
      group = new RecordedGroup(mkdtempSync(join(root, 'log-')), [sums, words])
      work(20)
      const other = new RecordedGroup(mkdtempSync(join(root, 'log-')), [sums, words])
      other.open()
      for (let k = 0; k < 40; k++) other.choose(other.run(add('other', k)))
      other.close()
      let foreign: Uint8Array = new Uint8Array(0)
      editRaw(other.paths.log, ({ get }) => {
        foreign = get(key(at))
      })
      const { instance } = group
      group.close()
      editRaw(group.paths.log, ({ put: write }) => write(key(at), foreign))
      // What lies behind the instance of the checkpoint proves it, because the head does.
      const failure = failureOf(() => make([sums, words], { instance: Math.min(instance, 20), replay: true }))
      expect(failure).toMatchObject({
        code: 'CHECKPOINT_FAILED',
        message: expect.stringMatching(/not the ones that were chosen/),
      })
      expectNothingNew()
    }
    group = new RecordedGroup(mkdtempSync(join(root, 'other-')), [sums])
  })

  test('a machine that throws', () => {
    group = new RecordedGroup(root, [sums, words])
    work(20)
    const broken: AnyStateMachine = {
      ...sums,
      snapshot() {
        throw new Error('out of paper')
      },
    }
    const failure = failureOf(() => make([broken, words], { replay: true }))
    expect(failure).toMatchObject({
      code: 'EXECUTE_FAILED',
      message: expect.stringMatching(/in snapshot: out of paper/),
    })
    expectNothingNew()
  })

  test('an inline file that is damaged, or of another instance', () => {
    group = new RecordedGroup(root, [sums, words])
    work(5)
    const { checkpoints } = group.paths
    mkdirSync(checkpoints, { recursive: true })
    const path = inlineStatePath(checkpoints, 1)
    const snapshots = standing().snapshots.map(([machine, bytes]) => ({ machine, bytes }))
    writeInline(path, { position: { ...group.position, executedUpTo: group.instance - 1 }, snapshots })
    expect(failureOf(() => make([sums, words], { inlinePath: path })).message).toMatch(/are at instance \d+/)
    writeInline(path, { position: group.position, snapshots: snapshots.slice(1) })
    expect(failureOf(() => make([sums, words], { inlinePath: path })).message).toMatch(/nothing was saved of machine 1/)
    writeInline(path, { position: group.position, snapshots })
    writeFileSync(path, readFileSync(path).subarray(1))
    expect(failureOf(() => make([sums, words], { inlinePath: path }))).toMatchObject({ code: 'CHECKPOINT_DAMAGED' })
    expectNothingNew()
  })

  test('machines in memory that another log has led to where the state stands', () => {
    group = new RecordedGroup(root, [sums, store])
    group.open()
    group.choose(group.run(add('a', 1), put('key', 'value')))
    group.commitState()
    mkdirSync(group.paths.checkpoints, { recursive: true })
    const path = inlineStatePath(group.paths.checkpoints, group.instance)
    const snapshots = standing().snapshots.map(([machine, bytes]) => ({ machine, bytes }))
    writeInline(path, { position: { ...group.position, chain: group.chain + 1 }, snapshots })
    const failure = failureOf(() => make([sums, store], { inlinePath: path }))
    expect(failure).toMatchObject({ code: 'CHECKPOINT_FAILED', message: expect.stringMatching(/with chain/) })
    expectNothingNew()
  })

  test('a task that is condemned in the middle of a replay', () => {
    group = new RecordedGroup(root, [sums, words])
    work(60)
    const memory = allocateGate()
    const gate = new WorkerGate(memory)
    const supervisor = new SupervisorGate(memory)
    const opened = () => expect(supervisor.tryCondemn()).toBe(true)
    let thrown: unknown
    try {
      make([sums, words], { replay: true }, { gate, opened })
    } catch (error) {
      thrown = error
    }
    expect(isCondemned(thrown)).toBe(true)
    expectNothingNew()
  })
})
