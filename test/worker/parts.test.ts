import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { CommandReader } from '../../src/codec/command-body.js'
import { RunBuilder } from '../../src/codec/run-builder.js'
import { TIMER_KINDS } from '../../src/core/timers.js'
import { BackOff } from '../../src/worker/back-off.js'
import { GroupTimers } from '../../src/worker/group-timers.js'
import { OwnRuns, type RunBounds, type SourcedRun } from '../../src/worker/own-runs.js'
import { Pace } from '../../src/worker/pace.js'
import type { ReplyOutlet } from '../../src/worker/reply-outlet.js'

const RESEND = TIMER_KINDS.indexOf('resend')

/** Every command with its number there, in the order of the runs; no run is above the bounds. */
function commandsOf({ runs }: { runs: OwnRuns }): unknown[] {
  runs.cut()
  const commands: unknown[] = []
  for (let run = runs.take(); run !== undefined; run = runs.take()) {
    const { calledThere } = runs.find(run.sequence) as SourcedRun
    expect(run.count).toBeLessThanOrEqual(5)
    if (run.count > 1) expect(run.body.length).toBeLessThanOrEqual(1000)
    const reader = new CommandReader(run.body)
    while (reader.next()) {
      const { machineId, flags, offset, length, index } = reader
      commands.push({ number: calledThere + index, machineId, flags, payload: run.body.slice(offset, offset + length) })
    }
    expect(reader.index).toBe(run.count - 1)
  }
  return commands
}

function ownRuns(bounds: RunBounds): { runs: OwnRuns; host: ReplyOutlet; port: ReplyOutlet } {
  let next = 1
  const take = (count: number) => {
    next += count
    return next - count
  }
  return { runs: new OwnRuns(bounds, take), host: {} as ReplyOutlet, port: {} as ReplyOutlet }
}

test('timers: the host hears only what would ring too late, and every timer fires once, at its deadline', () => {
  const armed: [number, number][] = []
  const timers = new GroupTimers((kind, delayMs) => armed.push([kind, delayMs]))
  timers.set('resend', 100, 0)
  timers.set('resend', 100, 60)
  expect(armed).toEqual([[RESEND, 100]])
  // The host rings for the first deadline: it asks for the rest of the second.
  expect(timers.due(RESEND, 100)).toBeUndefined()
  expect(armed).toEqual([
    [RESEND, 100],
    [RESEND, 60],
  ])
  expect(timers.due(RESEND, 159.5)).toBe('resend')
  expect(timers.due(RESEND, 300)).toBeUndefined()
  timers.set('resend', 10, 300)
  timers.set('resend', 5, 301)
  expect(armed.slice(2)).toEqual([
    [RESEND, 10],
    [RESEND, 5],
  ])
  timers.set('resend', undefined, 302)
  expect(timers.due(RESEND, 306)).toBeUndefined()
})

test('runs: consecutive commands share one, up to the bounds of an instance; its deadline is the latest', () => {
  const { runs, host } = ownRuns({ batchBytes: 1000, batchCount: 5 })
  const bytes = new Uint8Array(100)
  for (let k = 1; k <= 7; k++) runs.add(host, k, 1, 0, bytes, 0, 10, k === 2 ? 99 : k)
  runs.add(host, 9, 1, 0, bytes, 0, 10, 9)
  runs.add(host, 10, 1, 0, new Uint8Array(5000), 0, 5000, 10)
  runs.add(host, 11, 1, 0, bytes, 0, 10, 11)
  runs.cut()
  const taken = []
  for (let run = runs.take(); run !== undefined; run = runs.take()) taken.push(run)
  const opened = taken.map(({ sequence }) => runs.find(sequence) as SourcedRun)
  expect(opened.map(({ calledThere, count, deadline }) => [calledThere, count, deadline])).toEqual([
    [1, 5, 99],
    [6, 2, 7],
    [9, 1, 9],
    [10, 1, 10],
    [11, 1, 11],
  ])
  // To the core they are one sequence without gaps.
  expect(taken.map(({ sequence }) => sequence)).toEqual([1, 6, 8, 9, 10])
  const reader = new CommandReader(taken[0]?.body)
  let commands = 0
  while (reader.next()) commands++
  expect(commands).toBe(5)
  expect(runs.heldBytes).toBe(0)
})

test('runs: commands that come together make the runs that they would make one by one', () => {
  const sizes = fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 1, maxLength: 12 })
  fc.assert(
    fc.property(fc.array(fc.record({ sizes, gap: fc.nat(1) }), { maxLength: 8 }), (calls) => {
      const bounds = { batchBytes: 1000, batchCount: 5 }
      const one = ownRuns(bounds)
      const all = ownRuns(bounds)
      let number = 1
      for (const [k, { sizes: lengths, gap }] of calls.entries()) {
        const builder = new RunBuilder()
        for (const [i, length] of lengths.entries()) {
          const payload = new Uint8Array(length).fill(number + i)
          one.runs.add(one.host, number + i, 7, 1, payload, 0, length, k)
          builder.add(7, 1, payload, 0, length)
        }
        const body = builder.take()
        all.runs.addAll(all.host, number, lengths.length, body, 0, body.length, k)
        number += lengths.length + gap
      }
      // Where a run ends may differ: what comes together stays together if one run can hold it. The commands do not.
      expect(commandsOf(all)).toEqual(commandsOf(one))
    }),
  )
})

test('runs: what is not the body of so many commands is refused', () => {
  const { runs, host } = ownRuns({ batchBytes: 1000, batchCount: 5 })
  const builder = new RunBuilder()
  for (const length of [3, 5]) builder.add(1, 0, new Uint8Array(length), 0, length)
  const body = builder.take()
  expect(() => runs.addAll(host, 1, 3, body, 0, body.length, 0)).toThrow('does not hold 3 commands')
  expect(() => runs.addAll(host, 1, 2, body, 0, body.length - 1, 0)).toThrow('is cut')
  expect(runs.heldBytes).toBe(0)
})

test('runs: of one source each, with numbers of their own; the core sees one sequence', () => {
  const { runs, host, port } = ownRuns({ batchBytes: 1000, batchCount: 100 })
  const add = (source: ReplyOutlet, number: number) => runs.add(source, number, 1, 0, new Uint8Array(8), 0, 8, 0)
  for (const number of [1, 2]) add(host, number)
  for (const number of [1, 2, 3]) add(port, number)
  add(host, 3)
  // The number that would follow, but another source's.
  add(port, 4)
  runs.cut()
  const opened = []
  for (let run = runs.take(); run !== undefined; run = runs.take()) opened.push(runs.find(run.sequence) as SourcedRun)
  expect(
    opened.map(({ sequence, count, replies, calledThere }) => [sequence, count, replies === host, calledThere]),
  ).toEqual([
    [1, 2, true, 1],
    [3, 3, false, 1],
    [6, 1, true, 3],
    [7, 1, false, 4],
  ])
})

test('runs: those the core had may still take effect, those it never saw will not; each ends once', () => {
  const { runs, host } = ownRuns({ batchBytes: 1000, batchCount: 1 })
  for (let k = 1; k <= 3; k++) runs.add(host, k, 1, 0, new Uint8Array(8), 0, 8, 0)
  runs.cut()
  runs.take()
  runs.take()
  expect(runs.end(1)).toBe(true)
  const ended: unknown[] = []
  runs.endAll((run, proposed) => void ended.push([run.calledThere, run.count, proposed]))
  expect(ended).toEqual([
    [2, 1, true],
    [3, 1, false],
  ])
  expect(runs.find(2)).toBeUndefined()
  expect(runs.end(2)).toBe(false)
  expect(runs.heldBytes).toBe(0)
})

test('pace: slow commands are noticed one by one, fast ones in long strides', () => {
  let now = 0
  let reads = 0
  const clock = {
    now: () => {
      reads++
      return now
    },
  }
  const pace = new Pace(clock)
  const spend = (commandMs: number) => {
    let commands = 0
    for (; !pace.isSpent(); commands++) {
      now += commandMs
      pace.looked()
    }
    return commands
  }
  pace.begin(50)
  expect(spend(0.001)).toBeLessThan(50_100)
  expect(reads).toBeLessThan(2000)
  pace.begin(50)
  expect(spend(20)).toBe(3)
  pace.begin(50)
  for (let k = 0; k < 100; k++) pace.looked()
  expect(spend(20)).toBeLessThanOrEqual(32)
})

test('back-off: 1 s, doubling, a minute at the most, and afresh after a success', () => {
  const backOff = new BackOff()
  const due = () => {
    backOff.failed(0)
    return backOff.due
  }
  expect(Array.from({ length: 8 }, due)).toEqual([1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000])
  backOff.succeeded()
  expect(backOff.due).toBe(Number.POSITIVE_INFINITY)
  expect(due()).toBe(1000)
})
