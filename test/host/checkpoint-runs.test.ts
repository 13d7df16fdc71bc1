import { beforeEach, expect, test } from '@jest/globals'
import type { CheckpointTaken } from '../../src/codec/checkpoint-task.js'
import type { GroupCommand, TakeRequest } from '../../src/codec/worker-records.js'
import { CheckpointCalls } from '../../src/host/checkpoint-calls.js'
import { CheckpointRuns } from '../../src/host/checkpoint-runs.js'
import type { HostedGroup } from '../../src/host/hosted-group.js'
import { type AlarmEvent, NodeEvents } from '../../src/host/node-events.js'
import { PaxosError, toPaxosError } from '../../src/host/paxos-error.js'
import type { WorkerSlot } from '../../src/host/worker-slot.js'

interface Task {
  readonly instance: number
  opened(): void
  done(taken: Partial<CheckpointTaken>): void
  failed(error: PaxosError): void
}

let tasks: Task[]
let told: [string, GroupCommand][]
let asked: number[]
let alarms: AlarmEvent[]
let group: HostedGroup
let slot: { port: WorkerSlot['port'] }
let runs: CheckpointRuns

/** The port of one life of the worker: what it is told is noted under its name. */
const life = (name: string) => ({ tune: (_: number, command: GroupCommand) => told.push([name, command]) }) as never
const turn = () => new Promise((resolve) => setImmediate(resolve))
const request = (instance: number, call = 0): TakeRequest => ({ instance, inlinePath: '', replay: true, asked: call })
const take = (one: TakeRequest) => runs.take(slot as WorkerSlot, group, one)

beforeEach(() => {
  tasks = []
  told = []
  asked = []
  alarms = []
  const silent = { debug() {}, info() {}, warn() {}, error() {} }
  const events = new NodeEvents(silent)
  events.emitter.on('alarm', (alarm) => alarms.push(alarm))
  group = { index: 4, checkpoints: new CheckpointCalls((call) => asked.push(call)) } as unknown as HostedGroup
  slot = { port: life('first') }
  const run = (job: { request: TakeRequest }, opened: () => void) =>
    new Promise<CheckpointTaken>((resolve, reject) => {
      const done = (taken: Partial<CheckpointTaken>) => resolve(taken as CheckpointTaken)
      tasks.push({ instance: job.request.instance, opened, done, failed: reject })
    })
  runs = new CheckpointRuns(
    { run } as never,
    (_, one) => ({ request: one }) as never,
    events,
    () => undefined,
  )
})

test('the group hears when its state is read, and how it ended; the caller gets what was made', async () => {
  const call = group.checkpoints.ask()
  take(request(50, 1))
  tasks[0]?.opened()
  tasks[0]?.done({ instance: 50, snapshotMs: 7 })
  expect(await call).toEqual({ instance: 50 })
  expect(told).toEqual([
    ['first', { kind: 'take-opened', instance: 50 }],
    ['first', { kind: 'take-ended', instance: 50, snapshotMs: 7, code: '', error: '' }],
  ])
})

test('a failure is told to the group, to the caller and to the operator', async () => {
  const call = group.checkpoints.ask()
  take(request(50, 1))
  tasks[0]?.failed(toPaxosError({ code: 'DISK_FULL', message: 'no room' }, 'CHECKPOINT_FAILED'))
  await expect(call).rejects.toMatchObject({ code: 'CHECKPOINT_FAILED', message: expect.stringMatching(/no room/) })
  const ended = { kind: 'take-ended', instance: 50, snapshotMs: 0, code: 'DISK_FULL', error: 'no room' }
  expect(told).toEqual([['first', ended]])
  expect(alarms).toEqual([
    {
      code: 'CHECKPOINT_FAILED',
      message: 'group 4: no checkpoint of instance 50 could be made: no room',
      group: 4,
      details: { instance: 50, cause: 'DISK_FULL' },
    },
  ])
})

test('one that came too late is no failure: the caller waits for the next one', async () => {
  const call = group.checkpoints.ask()
  take(request(50, 1))
  tasks[0]?.failed(toPaxosError({ code: 'STATE_MOVED', message: 'it moved' }, 'CHECKPOINT_FAILED'))
  await turn()
  expect(told.map(([, command]) => command)).toMatchObject([{ kind: 'take-ended', code: 'STATE_MOVED' }])
  expect(asked).toEqual([1, 1])
  take(request(60, 1))
  tasks[1]?.done({ instance: 60 })
  expect(await call).toEqual({ instance: 60 })
  expect(alarms).toEqual([])
})

test('another life hears nothing of the task of the one before, and its own waits until that has ended', async () => {
  take(request(50))
  slot.port = life('second')
  take(request(70))
  take(request(80))
  tasks[0]?.opened()
  expect(tasks.map(({ instance }) => instance)).toEqual([50])
  tasks[0]?.done({ instance: 50 })
  await turn()
  expect(told).toEqual([])
  expect(tasks.map(({ instance }) => instance)).toEqual([50, 80])
  tasks[1]?.opened()
  expect(told).toEqual([['second', { kind: 'take-opened', instance: 80 }]])
})

test('what a life has asked for that is over by then is not begun', async () => {
  take(request(50))
  slot.port = life('second')
  take(request(70))
  slot.port = undefined
  tasks[0]?.done({ instance: 50 })
  await turn()
  expect(tasks.length).toBe(1)
  take(request(90))
  expect(tasks.length).toBe(1)
})

test('the end of the node is no alarm', async () => {
  take(request(50))
  tasks[0]?.failed(new PaxosError('NODE_STOPPED', 'the node has been stopped'))
  await turn()
  expect(alarms).toEqual([])
})

test('a message of any length passes through the ring', async () => {
  take(request(50))
  tasks[0]?.failed(new PaxosError('CHECKPOINT_FAILED', 'ü'.repeat(100_000)))
  await turn()
  const [, command] = told[0] ?? []
  expect(command?.kind === 'take-ended' && command.error.length).toBe(1_000)
})
