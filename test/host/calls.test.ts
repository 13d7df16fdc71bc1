import { beforeEach, describe, expect, test } from '@jest/globals'
import { Random } from '../../src/base/random.js'
import { type CallLane, Calls } from '../../src/host/calls.js'
import { codeOf, PaxosError } from '../../src/host/paxos-error.js'
import type { SettledAnswer } from '../../src/host/pending.js'
import { TimerHeap } from '../../src/host/timer-heap.js'

/** A ring of so many commands, a clock set by hand. */
class World {
  now = 0
  room = Number.POSITIVE_INFINITY
  refused: PaxosError | undefined
  readonly written: { sequence: number; text: string; machineId: number }[] = []
  readonly timers = new TimerHeap({ now: () => this.now, wake: () => undefined })
  readonly calls: Calls

  /** `atOnce`: payloads of a call that go into the ring together. */
  constructor(maxWaiting = 1_000, atOnce = 1) {
    const lane: CallLane = {
      what: 'command',
      write: (sequence, _deadline, machineId, _flags, bytes) => {
        if (this.room <= 0) return false
        this.room--
        this.written.push({ sequence, text: Buffer.from(bytes).toString(), machineId })
        return true
      },
      writeMany: (sequence, deadline, machineId, payloads, from) => {
        const fit = payloads.slice(from, from + Math.min(this.room, atOnce))
        fit.forEach(({ flags, bytes }, k) => {
          lane.write(sequence + k, deadline, machineId, flags, bytes)
        })
        return fit.length
      },
      refusal: () => this.refused,
      expired: (outcome) => new PaxosError('TIMEOUT', 'late', { outcome }),
      aborted: () => undefined,
    }
    this.calls = new Calls(
      lane,
      { maxWaiting, maxWaitingBytes: 1_000_000, maxWaitMs: 1_000 },
      this.timers,
      () => this.now,
    )
  }

  propose(text: string, deadline = 1_000, signal?: AbortSignal): Promise<unknown> {
    return this.calls.submit(0, Buffer.from(text), { now: this.now, deadline, signal, machineId: 1 }).then(
      ({ result }) => result,
      (error: PaxosError) => `${error.code} ${error.outcome}`,
    )
  }

  many(texts: readonly string[], deadline = 1_000, signal?: AbortSignal): Promise<unknown[]> {
    const payloads = texts.map((text) => ({ flags: 0, bytes: Buffer.from(text) }))
    return this.calls
      .submitMany(payloads, { now: this.now, deadline, signal, machineId: 1 })
      .then((answers) => answers.map(short))
  }

  answer(sequence: number, result: unknown = `r${sequence}`): void {
    this.calls.answer(sequence, { instance: 1, index: 0, result }, this.now)
  }

  at(now: number): void {
    this.now = now
    this.timers.fire()
  }
}

function short(answer: SettledAnswer): unknown {
  return 'error' in answer ? `${answer.error.code} ${answer.error.outcome}` : answer.result
}

describe('calls', () => {
  let world: World
  beforeEach(() => {
    world = new World()
  })

  test('sequences are dense from 1, and answers find their callers in any order', async () => {
    const answers = Promise.all(['a', 'b', 'c'].map((text) => world.propose(text)))
    expect(world.written.map(({ sequence, text }) => [sequence, text])).toEqual([
      [1, 'a'],
      [2, 'b'],
      [3, 'c'],
    ])
    for (const sequence of [2, 3, 1]) world.answer(sequence)
    expect(await answers).toEqual(['r1', 'r2', 'r3'])
    expect(world.calls.admission.waiting).toBe(0)
    expect(world.calls.admission.waitingBytes).toBe(0)
  })

  test('what finds no room waits in order, and gets its sequence when it is handed over', async () => {
    world.room = 1
    const answers = ['a', 'b', 'c'].map((text) => world.propose(text))
    expect(world.calls.queued).toBe(2)
    world.room = 1
    world.calls.flush()
    world.room = 5
    world.calls.flush()
    expect(world.written.map(({ text }) => text)).toEqual(['a', 'b', 'c'])
    for (const sequence of [1, 2, 3]) world.answer(sequence)
    expect(await Promise.all(answers)).toEqual(['r1', 'r2', 'r3'])
  })

  test('the bytes of a waiting command are its own', async () => {
    world.room = 0
    const bytes = Buffer.from('first')
    void world.calls.submit(0, bytes, { now: 0, deadline: 10, signal: undefined, machineId: 1 }).catch(() => undefined)
    bytes.write('other')
    world.room = 1
    world.calls.flush()
    expect(world.written[0]?.text).toBe('first')
  })

  test('a deadline: not applied in the queue, unknown with the worker, no sequence spent on the former', async () => {
    world.room = 1
    const handed = world.propose('a', 100)
    const queued = world.propose('b', 100)
    const later = world.propose('c', 200)
    world.at(99)
    world.at(100)
    expect(await handed).toBe('TIMEOUT unknown')
    expect(await queued).toBe('TIMEOUT not-applied')
    world.room = 5
    world.calls.flush()
    expect(world.written.map(({ sequence, text }) => [sequence, text])).toEqual([
      [1, 'a'],
      [2, 'c'],
    ])
    world.answer(1)
    world.answer(2)
    expect(await later).toBe('r2')
    expect(world.calls.admission.waiting).toBe(0)
  })

  test('deadlines of any order end at their time', async () => {
    const random = new Random(3)
    const ends: { at: number; deadline: number }[] = []
    const all = Array.from({ length: 300 }, () => {
      const deadline = 1 + random.below(500)
      return world.propose('x', deadline).then(() => ends.push({ at: world.now, deadline }))
    })
    for (let now = 0; now <= 510; now++) {
      world.at(now)
      await Promise.resolve()
      await Promise.resolve()
      await Promise.resolve()
    }
    await Promise.all(all)
    for (const { at, deadline } of ends) {
      expect(at).toBeGreaterThanOrEqual(deadline)
      expect(at).toBeLessThanOrEqual(deadline + 2)
    }
  })

  test('an abort: before, in the queue, with the worker, and too late', async () => {
    expect(await world.propose('x', 100, AbortSignal.abort())).toBe('ABORTED not-applied')
    world.room = 1
    const first = new AbortController()
    const second = new AbortController()
    const handed = world.propose('a', 100, first.signal)
    const queued = world.propose('b', 100, second.signal)
    first.abort()
    second.abort()
    expect(await handed).toBe('ABORTED unknown')
    expect(await queued).toBe('ABORTED not-applied')
    world.room = 1
    const third = new AbortController()
    world.calls.flush()
    const done = world.propose('c', 100, third.signal)
    world.answer(2)
    third.abort()
    expect(await done).toBe('r2')
  })

  test('many: one promise, each command with its own end, in order', async () => {
    world.room = 2
    const answers = world.many(['a', 'b', 'c', 'd'], 100)
    world.answer(2)
    world.calls.fail(1, new PaxosError('REJECTED', 'no', { outcome: 'applied' }), 0)
    world.room = 1
    world.calls.flush()
    world.at(100)
    expect(await answers).toEqual(['REJECTED applied', 'r2', 'TIMEOUT unknown', 'TIMEOUT not-applied'])
    expect(world.calls.admission.waiting).toBe(0)
    expect(world.calls.admission.waitingBytes).toBe(0)
    expect(world.calls.queued).toBe(0)
    expect(world.calls.handed).toBe(0)
  })

  test('many of none', async () => {
    expect(await world.many([])).toEqual([])
  })

  test('many that are aborted half way', async () => {
    world.room = 1
    const controller = new AbortController()
    const answers = world.many(['a', 'b'], 100, controller.signal)
    controller.abort()
    expect(await answers).toEqual(['ABORTED unknown', 'ABORTED not-applied'])
  })

  test('many that go in together, as far as there is room', async () => {
    const wide = new World(1_000, 3)
    wide.room = 5
    const answers = wide.many(['a', 'b', 'c', 'd', 'e', 'f', 'g'])
    expect(wide.written.map(({ text }) => text)).toEqual(['a', 'b', 'c', 'd', 'e'])
    expect([wide.calls.queued, wide.calls.handed, wide.calls.admission.waiting]).toEqual([2, 5, 7])
    wide.room = 9
    wide.calls.flush()
    expect(wide.written.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4, 5, 6, 7])
    for (let sequence = 7; sequence >= 1; sequence--) wide.answer(sequence)
    expect(await answers).toEqual(['r1', 'r2', 'r3', 'r4', 'r5', 'r6', 'r7'])
    expect([wide.calls.admission.waiting, wide.calls.admission.waitingBytes]).toEqual([0, 0])
  })

  test('when nothing comes any more, what the worker has of a call may still take effect', async () => {
    world.room = 2
    const answers = world.many(['a', 'b', 'c'])
    const waiting = world.propose('d')
    world.calls.failQueued((outcome) => new PaxosError('NODE_STOPPED', 'stopped', { outcome }))
    expect(await answers).toEqual(['NODE_STOPPED unknown', 'NODE_STOPPED unknown', 'NODE_STOPPED not-applied'])
    expect(await waiting).toBe('NODE_STOPPED not-applied')
    expect([world.calls.admission.waiting, world.calls.handed, world.calls.queued]).toEqual([0, 0, 0])
  })

  test('a call goes in at once where all who waited before it have given up', async () => {
    world.room = 0
    const late = world.propose('late', 10)
    world.at(20)
    expect(await late).toBe('TIMEOUT not-applied')
    world.room = 1
    void world.propose('next')
    expect(world.written.map(({ text }) => text)).toEqual(['next'])
  })

  test('a refusal is at once, and nothing is queued', async () => {
    const small = new World(2)
    void small.propose('a')
    void small.propose('b')
    const error = await small.calls
      .submit(0, Buffer.from('c'), { now: 0, deadline: 100, signal: undefined, machineId: 1 })
      .catch((refused: PaxosError) => refused)
    expect(codeOf(error)).toBe('OVERLOADED')
    expect((error as PaxosError).retryAfterMs).toBeGreaterThan(0)
    expect((error as PaxosError).outcome).toBe('not-applied')
    expect(small.written).toHaveLength(2)
  })

  test('a lost worker ends what it had, and what waits goes to the next one', async () => {
    world.room = 1
    const handed = world.propose('a')
    const queued = world.propose('b')
    world.calls.failHanded(new PaxosError('GROUP_RESTARTED', 'x', { outcome: 'unknown' }))
    expect(await handed).toBe('GROUP_RESTARTED unknown')
    world.room = 1
    world.calls.flush()
    expect(world.written.at(-1)).toEqual({ sequence: 2, text: 'b', machineId: 1 })
    world.answer(1)
    world.answer(2)
    expect(await queued).toBe('r2')
  })

  test('a queue that never moves does not grow with the calls that gave up', () => {
    world.room = 0
    void world.propose('first', 1_000_000)
    for (let i = 1; i < 5_000; i++) {
      void world.propose('x', i)
      world.at(i)
    }
    expect(world.calls.queueLength).toBeLessThan(300)
  })

  test('agrees with a model under random traffic', async () => {
    const random = new Random(11)
    const ends = new Map<number, unknown>()
    let id = 0
    for (let step = 0; step < 20_000; step++) {
      const what = random.below(10)
      if (what < 4) {
        const mine = id++
        void world.propose(String(mine), world.now + 1 + random.below(40)).then((end) => ends.set(mine, end))
      } else if (what < 5) {
        const mine = id++
        void world.many([String(mine), `${mine}`], world.now + 1 + random.below(40)).then((end) => ends.set(mine, end))
      } else if (what < 7) {
        world.room = random.below(6)
        world.calls.flush()
      } else if (what < 9) {
        const last = world.written.length
        if (last > 0) world.answer(world.written[Math.max(0, last - 1 - random.below(20))]?.sequence ?? 0, 'ok')
      } else world.at(world.now + random.below(10))
      if (step % 100 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    world.at(world.now + 1_000)
    await new Promise((resolve) => setImmediate(resolve))
    expect(ends.size).toBe(id)
    expect(world.written.map(({ sequence }) => sequence)).toEqual(world.written.map((_, i) => i + 1))
    expect([
      world.calls.queued,
      world.calls.handed,
      world.calls.admission.waiting,
      world.calls.admission.waitingBytes,
    ]).toEqual([0, 0, 0, 0])
  })
})
