import { setTimeout as sleep } from 'node:timers/promises'
import { waitForAgreement } from '../../native-bench/agreement.js'
import { Cluster } from '../../native-bench/cluster.js'
import { Load } from '../../native-bench/load.js'
import type { ProcessSample } from '../../native-bench/measure.js'
import { makeWorkDir, removeWorkDir } from '../../native-bench/work-dir.js'

export interface CatchUpOptions {
  /** Instances that are chosen while the node is away, all groups together. */
  readonly instances: number
  readonly groups: number
  readonly callers: number
  readonly bytes: number
  readonly log: (line: string) => void
}

const AWAY = 3
/** The compiler has to have seen enough of the code: a cold start would flatter what comes after it. */
const WARM_UP_MS = 12_000
const BASE_MS = 5_000
const POLL_MS = 50
/** Caught up: no further behind than what a few round trips choose. */
const NEAR = 200
const CATCH_UP_MS = 120_000
const AGREE_MS = 60_000
const MOST_LOST = 1 / 3

/** A node misses many instances, comes back, and learns them while the load goes on. */
export async function catchUpScenario({ instances, groups, callers, bytes, log }: CatchUpOptions) {
  const dir = makeWorkDir('catch-up')
  const settings = { nodes: 3, groups, machine: 'tally' as const, window: undefined, rttMs: 0, flushDelayMs: 0 }
  let cluster: Cluster | undefined
  try {
    const running = await Cluster.start(settings, dir)
    cluster = running
    const load = new Load(running.target, { callers, bytes })
    const chosen = (): number => running.local.status().groups.reduce((total, group) => total + group.chosenUpTo, 0)
    const rateDuring = async (body: () => Promise<void>): Promise<number> => {
      load.begin()
      await body()
      const { commands, seconds } = load.sample()
      return commands / seconds
    }
    load.start()
    await sleep(WARM_UP_MS)
    const before = await rateDuring(() => sleep(BASE_MS))
    await running.child(AWAY).kill()
    const first = chosen()
    const away = await rateDuring(async () => {
      while (chosen() < first + instances) await sleep(POLL_MS)
    })
    const missed = chosen() - first
    log(
      `${Math.round(before)} commands/s with all nodes, ${Math.round(away)} with one away, which missed ${missed} instances`,
    )
    const began = performance.now()
    let caughtUp = false
    const during = await rateDuring(async () => {
      await running.startChild(AWAY)
      while (!caughtUp && performance.now() - began < CATCH_UP_MS) {
        const { instances: learned } = await running.child(AWAY).ask<ProcessSample>('sample')
        caughtUp = learned >= chosen() - NEAR
        if (!caughtUp) await sleep(POLL_MS)
      }
    })
    const seconds = (performance.now() - began) / 1000
    log(`${Math.round(during)} commands/s for the ${seconds.toFixed(1)} s until it had caught up`)
    const after = await rateDuring(() => sleep(BASE_MS))
    await load.stop()
    const { agree, differences } = await waitForAgreement(() => running.groupStates(), load, AGREE_MS)
    const rates = { before, away, during, after }
    // A third node takes a share of the machine whether it catches up or not: the same machine with all nodes is the measure.
    const lost = 1 - during / before
    return { ok: agree && caughtUp && lost <= MOST_LOST, rates, lost, missed, seconds, caughtUp, agree, differences }
  } finally {
    await cluster?.stop()
    removeWorkDir(dir)
  }
}
