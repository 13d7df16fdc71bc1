import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from '../../src/base/random.js'
import { type LinkRule, OPEN } from './link-proxy.js'
import { drawShape, type Shape } from './network.js'
import { type Act, type Stage, someLeader } from './stage.js'

const MODES = ['hold', 'lose', 'refuse'] as const

const partition: Act = async (stage, random) => {
  const shape = await draw(stage, random)
  const mode = MODES[random.below(MODES.length)]!
  // Short ones are repaired by what is sent again, long ones by elections.
  const ms = Math.floor(random.chance(0.5) ? random.between(50, 1_000) : random.between(1_000, 8_000))
  stage.log(`partition: ${shape.name}, ${mode}, ${ms} ms`)
  stage.tally.count('partitions')
  await during(stage, { ...OPEN, mode }, shape, ms)
}

/** Which way is cut changes again and again. */
const changing: Act = async (stage, random) => {
  const times = 3 + random.below(6)
  stage.log(`partition: changes ${times} times`)
  stage.tally.count('partitions')
  for (let i = 0; i < times; i++) {
    const shape = await draw(stage, random)
    const mode = MODES[random.below(MODES.length)]!
    await during(stage, { ...OPEN, mode }, shape, random.between(20, 900))
  }
}

const slow: Act = async (stage, random) => {
  const shape = await draw(stage, random)
  const delayMs = Math.floor(random.between(2, random.chance(0.2) ? 900 : 120))
  const bytesPerSecond = random.chance(0.4) ? random.between(20_000, 500_000) : Number.POSITIVE_INFINITY
  const ms = Math.floor(random.between(500, 5_000))
  stage.log(`slow links: ${shape.name}, ${delayMs} ms, ${bytesPerSecond} bytes/s, ${ms} ms`)
  stage.tally.count('slow links')
  await during(stage, { mode: 'pass', delayMs, bytesPerSecond }, shape, ms)
}

const cut: Act = async (stage, random) => {
  const shape = await draw(stage, random)
  const times = 1 + random.below(8)
  stage.log(`cut connections: ${shape.name}, ${times} times`)
  stage.tally.count('cut connections')
  for (let i = 0; i < times; i++) {
    stage.cluster.network.cut(shape.isHit)
    await sleep(random.between(10, 400))
  }
}

async function draw(stage: Stage, random: Random): Promise<Shape> {
  return drawShape(random, stage.cluster.nodeIds.length, await someLeader(stage, random))
}

async function during({ cluster }: Stage, rule: LinkRule, { isHit }: Shape, ms: number): Promise<void> {
  cluster.network.set(rule, isHit)
  await sleep(ms)
  cluster.network.heal()
}

export const NETWORK_FAULTS: readonly Act[] = [partition, partition, partition, partition, changing, slow, slow, cut]
