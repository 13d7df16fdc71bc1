// `npm run fuzz -- --minutes M [--seed N]`: new seeds, one after another, until the time is over or something breaks.
import { parseArgs } from 'node:util'
import fc from 'fast-check'
import { AttackedCluster, bytesHeld } from './attacked-cluster.js'
import { removeInlineFiles } from './decoders-inline.js'
import { removeFiles } from './decoders-store.js'
import { fuzz } from './fuzz-decoder.js'
import { mislead, misleading } from './misleading.js'
import { DECODERS } from './table.js'

const { values } = parseArgs({ options: { minutes: { type: 'string' }, seed: { type: 'string' } } })
const endsAt = performance.now() + Number(values.minutes ?? 1) * 60_000
process.on('exit', removeFiles)
process.on('exit', removeInlineFiles)
let seed = Number(values.seed ?? Date.now() % 2 ** 31)
const MIB = 1024 * 1024
/** What a round of attacks may leave behind in this process. */
const GROWTH_BYTES = 32 * MIB

const isOver = () => performance.now() >= endsAt

function decoders(): void {
  for (const one of DECODERS) {
    const { refused, taken } = fuzz(one, { seed, runs: 20_000 })
    console.log(`  ${one.name}: ${refused} refused, ${taken} taken`)
    if (isOver()) return
  }
}

function lies(): void {
  fc.assert(
    fc.property(misleading, (list) => void mislead(list)),
    { seed, numRuns: 300, interruptAfterTimeLimit: Math.max(1000, endsAt - performance.now()) },
  )
  console.log('  misleading messages: no worker ended, no disk was damaged')
}

async function port(listener: 'uws' | 'ws'): Promise<void> {
  const cluster = await AttackedCluster.start(listener, seed)
  try {
    await cluster.attackWithEach()
    const before = bytesHeld()
    for (let round = 0; round < 30 && !isOver(); round++) {
      await cluster.attack(100)
      await cluster.serves()
    }
    const grown = bytesHeld() - before
    const { refusedLinks, refusedFrames, badRecords } = cluster.counted()
    const attacks = Object.values(cluster.attacks.counts).reduce((sum, count) => sum + count, 0)
    const counted = `${refusedLinks} links, ${refusedFrames} frames and ${badRecords} records refused`
    console.log(`  port, ${listener}: ${attacks} attacks, ${counted}, ${(grown / MIB).toFixed(1)} MiB grown`)
    if (grown > GROWTH_BYTES) throw new Error(`the process has grown by ${grown} bytes`)
    const [alarm] = cluster.unexpectedAlarms
    if (alarm !== undefined) throw new Error(alarm)
  } finally {
    await cluster.stop()
  }
}

while (!isOver()) {
  console.log(`seed ${seed}`)
  try {
    decoders()
    if (!isOver()) lies()
    for (const listener of ['uws', 'ws'] as const) if (!isOver()) await port(listener)
  } catch (error) {
    console.log(`seed ${seed} breaks it:\n${(error as Error).stack}`)
    process.exitCode = 1
    break
  }
  seed++
}
