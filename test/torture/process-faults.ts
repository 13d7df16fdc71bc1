import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from '../../src/base/random.js'
import { type Act, type Stage, someVictim, start } from './stage.js'

const LONGEST_AWAY_MS = 1_200
const LONGEST_START_MS = 900
const LONGEST_PAUSE_MS = 6_000

const killOne: Act = async (stage, random) => {
  const { cluster, tally, log } = stage
  const nodeId = await someVictim(stage, random)
  const [awayMs, again, startMs] = [
    between(random, LONGEST_AWAY_MS),
    random.chance(0.2),
    between(random, LONGEST_START_MS),
  ]
  await cluster.locks.hold([nodeId], async () => {
    log(`kill ${nodeId} for ${awayMs} ms${again ? `, and again ${startMs} ms after the start` : ''}`)
    tally.count('kills')
    await cluster.kill(nodeId)
    await sleep(awayMs)
    if (again) {
      cluster.spawn(nodeId)
      await sleep(startMs)
      tally.count('kills')
      tally.count('kills during a start')
      await cluster.kill(nodeId)
    }
    await start(stage, nodeId)
  })
}

/** All of them, or a majority, at once; they come back one by one. */
const killMany: Act = async (stage, random) => {
  const { cluster, tally, log } = stage
  const { nodeIds } = cluster
  const all = random.chance(0.6)
  const spared = all ? 0 : nodeIds[random.below(nodeIds.length)]
  const victims = nodeIds.filter((nodeId) => nodeId !== spared)
  const delays = victims.map(() => between(random, LONGEST_AWAY_MS))
  await cluster.locks.hold(victims, async () => {
    log(`kill ${victims.join(', ')}`)
    tally.count('kills', victims.length)
    if (all) tally.count('kills of all')
    await Promise.all(victims.map((nodeId) => cluster.kill(nodeId)))
    await Promise.all(
      victims.map(async (nodeId, i) => {
        await sleep(delays[i])
        await start(stage, nodeId)
      }),
    )
  })
}

const pauseOne: Act = async (stage, random) => {
  const victim = await someVictim(stage, random)
  await pause(stage, [victim], between(random, LONGEST_PAUSE_MS), random.chance(0.2))
}

const pauseMany: Act = async (stage, random) => {
  const victims = stage.cluster.nodeIds.filter(() => random.chance(0.7))
  await pause(stage, victims, between(random, LONGEST_PAUSE_MS / 2), false)
}

async function pause(stage: Stage, victims: readonly number[], ms: number, dies: boolean): Promise<void> {
  const { cluster, tally, log } = stage
  await cluster.locks.hold(victims, async () => {
    log(`pause ${victims.join(', ')} for ${ms} ms${dies ? ', then kill' : ''}`)
    tally.count('pauses', victims.length)
    for (const nodeId of victims) cluster.signal(nodeId, 'SIGSTOP')
    await sleep(ms)
    if (!dies) {
      for (const nodeId of victims) cluster.signal(nodeId, 'SIGCONT')
      return
    }
    for (const nodeId of victims) {
      tally.count('kills')
      await cluster.kill(nodeId)
      await start(stage, nodeId)
    }
  })
}

/** In order, as for an update. */
const restart: Act = async (stage, random) => {
  const { cluster, log } = stage
  const nodeId = await someVictim(stage, random)
  await cluster.locks.hold([nodeId], async () => {
    log(`restart ${nodeId}`)
    await cluster.stop(nodeId)
    await start(stage, nodeId)
  })
}

const between = (random: Random, most: number): number => Math.floor(random.between(0, most))

export const PROCESS_FAULTS: readonly Act[] = [
  ...Array.from({ length: 9 }, () => killOne),
  killMany,
  pauseOne,
  pauseOne,
  pauseMany,
  restart,
]
