import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from '../../src/base/random.js'
import type { IoCall, IoRule, IoShim } from '../support/io-shim/io-shim.js'
import { type Act, type Stage, someVictim, start, within, works } from './stage.js'
import type { Fault } from './tally.js'

const HIT_MS = 5_000
const COME_BACK_MS = 30_000
/** Above `timeouts.diskStallMs`. */
const STALL_MS = 11_000

const JOURNAL = '/journal'
/** What makes something durable: calls that flush a file, and each write to a journal. */
const FLUSHES: readonly IoCall[] = ['flush', 'synchronous-write']

/** An error ends the store until the process is started again, as an operator would: in order, or not. */
const failing =
  (name: Fault, call: IoCall, file = ''): Act =>
  async (stage, random) => {
    const nodeId = await someVictim(stage, random)
    const times = random.chance(0.5) ? 1 : undefined
    const ms = random.between(0, 2_000)
    const inOrder = random.chance(0.5)
    await harmed(stage, nodeId, 'STORAGE_FAILED', async (shim) => {
      // An entry may be torn anywhere. A meta page is one sector: it is there or not.
      const torn = file === JOURNAL && random.chance(0.5) ? random.between(0, 1) : 0
      const path = somePath(random, file)
      const rule: IoRule = { calls: [call], error: 'EIO', oneIn: 1 + random.below(5), times, path, torn }
      if (!(await inject(stage, nodeId, shim, name, rule))) return
      await sleep(ms)
      shim.clear()
      stage.log(`after ${name}, ${nodeId} is ${inOrder ? 'restarted' : 'killed'}`)
      if (inOrder) await stage.cluster.stop(nodeId)
      else await stage.cluster.kill(nodeId)
      await start(stage, nodeId)
    })
  }

/** Space that a flush finds missing, as on a network disk: when there is some again, the groups come back by themselves. */
const flushWithoutSpace: Act = async (stage, random) => {
  const nodeId = await someVictim(stage, random)
  await harmed(stage, nodeId, 'DISK_FULL', async (shim) => {
    const times = random.chance(0.3) ? 1 + random.below(3) : undefined
    const rule: IoRule = { calls: FLUSHES, error: 'ENOSPC', times, path: somePath(random) }
    if (!(await inject(stage, nodeId, shim, 'flush ENOSPC', rule))) return
    await sleep(random.between(0, 3_000))
    shim.clear()
    await comesBack(stage, nodeId, 'flush ENOSPC')
  })
}

const slowFlush: Act = async (stage, random) => {
  const nodeId = await someVictim(stage, random)
  const dies = random.chance(0.4)
  await harmed(stage, nodeId, 'none', async (shim) => {
    const delayMs = Math.floor(random.between(5, random.chance(0.3) ? 1_000 : 120))
    const rule: IoRule = { calls: FLUSHES, delayMs, path: somePath(random) }
    if (!(await inject(stage, nodeId, shim, 'slow flush', rule))) return
    await sleep(random.between(500, 5_000))
    if (dies) {
      // Most of its time it now is in a commit.
      stage.log(`kill ${nodeId}`)
      stage.tally.count('kills')
      await stage.cluster.kill(nodeId)
    }
    shim.clear()
    if (dies) await start(stage, nodeId)
  })
}

const stalledFlush: Act = async (stage, random) => {
  const nodeId = await someVictim(stage, random)
  await harmed(stage, nodeId, 'none', async (shim) => {
    const delayMs = STALL_MS + random.below(3_000)
    const rule: IoRule = { calls: FLUSHES, delayMs, path: somePath(random) }
    if (!(await inject(stage, nodeId, shim, 'stalled flush', rule))) return
    await sleep(random.between(0, 500))
    shim.clear()
    await sleep(delayMs)
    await comesBack(stage, nodeId, 'stalled flush')
  })
}

/** A real one: the file system has no space left, or little. */
const fullDisk: Act = async (stage, random) => {
  const { cluster, tally, expected, log } = stage
  if (cluster.smallDisk === undefined) return
  const { nodeId, disk } = cluster.smallDisk
  const [left, dies, ms] = [12 + random.below(16), random.chance(0.3), random.between(0, 3_000)]
  await cluster.locks.hold([nodeId], async () => {
    expected.set(nodeId, 'DISK_FULL')
    const before = tally.alarms.get('DISK_FULL') ?? 0
    log(`full disk of ${nodeId}: ${left} MB left`)
    disk.fill(left)
    const noticed = await within(HIT_MS, () => (tally.alarms.get('DISK_FULL') ?? 0) > before)
    if (noticed) tally.count('full disk')
    await sleep(ms)
    if (dies) {
      tally.count('kills')
      await cluster.kill(nodeId)
    }
    disk.free()
    if (dies) await start(stage, nodeId)
    await comesBack(stage, nodeId, 'full disk')
    expected.delete(nodeId)
  })
}

/** One store of the node, or all of them; of their files one, or all. */
function somePath(random: Random, file = ''): string {
  const store = random.below(8)
  return (store < 4 ? `/store-000${store}/log` : '/log') + file
}

async function harmed(
  stage: Stage,
  nodeId: number,
  alarm: string,
  body: (shim: IoShim) => Promise<void>,
): Promise<void> {
  const { cluster, expected } = stage
  const shim = cluster.shims.get(nodeId)
  if (shim === undefined) return
  await cluster.locks.hold([nodeId], async () => {
    expected.set(nodeId, alarm)
    try {
      await body(shim)
    } finally {
      shim.clear()
      expected.delete(nodeId)
    }
  })
}

/** False: nothing was written there in time, and the fault is taken back. */
async function inject(
  { tally, log }: Stage,
  nodeId: number,
  shim: IoShim,
  name: Fault,
  rule: IoRule,
): Promise<boolean> {
  log(`${name} at ${nodeId}: ${JSON.stringify(rule)}`)
  shim.set(rule)
  const hit = await within(HIT_MS, () => shim.count.hit > 0)
  if (hit) tally.count(name)
  else log(`${name} at ${nodeId} hit nothing`)
  return hit
}

async function comesBack(stage: Stage, nodeId: number, after: Fault): Promise<void> {
  if (await within(COME_BACK_MS, () => works(stage, nodeId))) return
  stage.tally.problems.push(`node ${nodeId} did not come back by itself after ${after}`)
}

export const DISK_ACTS: readonly Act[] = [
  failing('flush EIO', 'flush'),
  failing('journal EIO', 'synchronous-write', JOURNAL),
  failing('journal EIO', 'synchronous-write', JOURNAL),
  failing('meta page EIO', 'synchronous-write', '/data.mdb'),
  flushWithoutSpace,
  flushWithoutSpace,
  slowFlush,
  slowFlush,
  fullDisk,
  fullDisk,
  fullDisk,
]
/** It takes so long that others would not get their turn. */
export const RARE_DISK_ACTS: readonly Act[] = [stalledFlush]
