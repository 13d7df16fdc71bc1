import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test } from '@jest/globals'
import type { LoadTarget } from '../../native-bench/load/load-target.js'
import { Load } from '../../native-bench/load.js'

const never = (): Promise<never> => new Promise(() => undefined)

function target(change: Partial<LoadTarget>): LoadTarget {
  return { groups: 2, propose: never, proposeMany: never, read: never, ...change }
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await turn()
}

const outcome = (outcome: string, code = 'TIMEOUT') => Object.assign(new Error(), { code, outcome })

describe('a closed loop', () => {
  test('counts what ended, and waits for the last answers', async () => {
    let proposed = 0
    let open = 0
    const propose = async () => {
      proposed++
      open++
      await turn()
      open--
    }
    const load = new Load(target({ propose }), { callers: 3, bytes: 8 })
    load.start()
    await until(() => load.sample().commands > 20)
    const result = await load.finish()
    expect(open).toBe(0)
    expect(result).toMatchObject({ acknowledged: proposed, unknown: 0, errorsByCode: {}, staleReads: [] })
  })

  test('keeps the warm-up apart from what is measured, and not from what is acknowledged', async () => {
    const load = new Load(target({ propose: () => turn() }), { callers: 1, bytes: 8 })
    load.start()
    await until(() => load.acknowledged > 10)
    load.begin()
    expect(load.sample().commands).toBe(0)
    await load.stop()
    expect(load.acknowledged).toBeGreaterThan(10)
  })

  test('each command of a call has its own end', async () => {
    const ends = [{ result: 1 }, { error: outcome('unknown') }, { error: outcome('not-applied', 'OVERLOADED') }]
    const proposeMany = async () => {
      await turn()
      return ends
    }
    const load = new Load(target({ proposeMany }), { callers: 1, bytes: 8, many: 3 })
    load.start()
    await until(() => load.sample().commands > 5)
    const { acknowledged, unknown, errorsByCode } = await load.finish()
    expect(unknown).toBe(acknowledged)
    expect(errorsByCode).toEqual({ TIMEOUT: acknowledged, OVERLOADED: acknowledged })
  })

  test('a call that fails as a whole leaves all of its commands unknown, but for what was not applied', async () => {
    const failures = [outcome('unknown'), outcome('not-applied')]
    const proposeMany = () => Promise.reject(failures.shift() ?? outcome('not-applied'))
    const load = new Load(target({ proposeMany }), { callers: 1, bytes: 8, many: 4 })
    load.start()
    await until(() => load.sample().errors >= 8)
    expect(await load.finish()).toMatchObject({ acknowledged: 0, unknown: 4 })
  })
})

describe('reads', () => {
  async function resultWith(seen: (executed: number) => number) {
    const executed = [0, 0]
    const propose = async (group: number) => {
      await turn()
      executed[group]!++
    }
    const read = async (group: number) => {
      await turn()
      return seen(executed[group]!)
    }
    const load = new Load(target({ propose, read }), { callers: 4, bytes: 8, reads: 0.5 })
    load.start()
    await until(() => load.sample().reads > 50 && load.sample().commands > 50)
    return { result: await load.finish(), executed }
  }

  test('see what was acknowledged before them', async () => {
    const { result, executed } = await resultWith((count) => count)
    expect(result.staleReads).toEqual([])
    expect(Math.max(...result.highestRead)).toBeGreaterThan(0)
    for (const [group, highest] of result.highestRead.entries()) expect(highest).toBeLessThanOrEqual(executed[group]!)
  })

  test.each([
    ['too little', () => 0],
    ['no number', () => Number.NaN],
  ])('that see %s are told', async (_, seen) => {
    const { result } = await resultWith(seen)
    expect(result.staleReads.length).toBeGreaterThan(0)
    expect(result.staleReads[0]).toContain('were acknowledged before it')
  })
})

describe('an open loop', () => {
  test('goes on while nothing is answered, up to its bound, and counts what it missed', async () => {
    const answers: (() => void)[] = []
    const propose = () => new Promise<void>((resolve) => answers.push(resolve))
    const load = new Load(target({ propose }), { callers: 1, bytes: 8, rate: 2_000, outstanding: 50 })
    load.start()
    await until(() => load.sample().missed > 20)
    expect(answers).toHaveLength(50)
    for (const answer of answers) answer()
    const stopped = load.finish()
    await until(() => {
      for (const answer of answers) answer()
      return load.acknowledged === answers.length
    })
    expect((await stopped).acknowledged).toBe(answers.length)
  })

  test('counts latency from when a call was due, so that a stall delays all that was due in it', async () => {
    const STALL_MS = 100
    let stalls = 1
    const propose = async () => {
      if (stalls-- <= 0) return
      for (const end = performance.now() + STALL_MS; performance.now() < end; );
    }
    const load = new Load(target({ propose }), { callers: 1, bytes: 8, rate: 1_000 })
    load.start()
    // Everything that was due in the stall is sent after it, though each is answered at once.
    await until(() => load.sample().commands > STALL_MS)
    await load.stop()
    expect(load.sample().p99Ms).toBeGreaterThan(STALL_MS / 2)
  })

  test('counts the commands of its calls against the rate', async () => {
    let calls = 0
    const proposeMany = async (_: number, commands: readonly unknown[]) => {
      calls++
      return commands.map(() => ({}))
    }
    const load = new Load(target({ proposeMany }), { callers: 1, bytes: 8, rate: 5_000, many: 10 })
    load.start()
    await until(() => load.sample().commands >= 100)
    await load.stop()
    expect(load.acknowledged).toBe(calls * 10)
  })
})
