// npm run bench:kept: a long log and a large stored state: files that stay small, checkpoints that stop nobody, restarts.
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { PaxosNode } from '../src/index.js'
import { BULK_COMMAND_BYTES } from './bulk-machine.js'
import { ChildChannel } from './child-channel.js'
import { freePorts } from './free-ports.js'
import { interruptible, runProgram } from './interrupt.js'
import { type KeptSettings, startKeptNode } from './kept-settings.js'
import { whole } from './measure.js'
import { diskBytes, makeWorkDir, removeWorkDir } from './work-dir.js'

const { values } = parseArgs({
  options: {
    nodes: { type: 'string', default: '3' },
    instances: { type: 'string', default: '5000000' },
    'state-mb': { type: 'string', default: '1024' },
    every: { type: 'string', default: '1000000' },
    hold: { type: 'string', default: '1000000' },
    callers: { type: 'string', default: '512' },
    data: { type: 'string' },
  },
})
const number = (name: 'nodes' | 'instances' | 'state-mb' | 'every' | 'hold' | 'callers') => Number(values[name])

const FILL_VALUE_BYTES = 1024
const SMALL_KEYS = 10_000
const SMALL_VALUE_BYTES = 100
/** Of a record: its header, the header of its run, that of its command, and the command. */
const RECORD_BYTES = 44 + 48 + 8 + BULK_COMMAND_BYTES
const CHECKPOINTS = 5
/** Short: what the keeping took is told as a sum, and the longest stop is no more than the largest growth of it. */
const SAMPLE_MS = 10

interface Peaks {
  logBytes: number
  stateBytes: number
  keptInstances: number
  /** The longest that one group's thread was kept from its votes between two samples. */
  keepMs: number
}

function command(key: number, bytes: number): Uint8Array {
  const encoded = new Uint8Array(BULK_COMMAND_BYTES)
  const view = new DataView(encoded.buffer)
  view.setUint32(0, key, true)
  view.setUint32(4, bytes, true)
  return encoded
}

const sizeOf = (dataDir: string, part: 'log' | 'state') => statSync(join(dataDir, 'store-0000', part, 'data.mdb')).size

/** Watches node 1 while `body` runs. */
async function watching(node: PaxosNode, dataDir: string, body: () => Promise<void>): Promise<Peaks> {
  const peaks: Peaks = { logBytes: 0, stateBytes: 0, keptInstances: 0, keepMs: 0 }
  let before = node.status().workers[0]!.counters.keepMs
  const watch = setInterval(() => {
    const { groups, workers } = node.status()
    const [group] = groups
    const { keepMs } = workers[0]!.counters
    peaks.keepMs = Math.max(peaks.keepMs, keepMs - before)
    before = keepMs
    peaks.logBytes = Math.max(peaks.logBytes, sizeOf(dataDir, 'log'))
    peaks.stateBytes = Math.max(peaks.stateBytes, sizeOf(dataDir, 'state'))
    peaks.keptInstances = Math.max(peaks.keptInstances, group!.chosenUpTo - group!.firstKept + 1)
  }, SAMPLE_MS)
  try {
    await body()
  } finally {
    clearInterval(watch)
  }
  return peaks
}

/** Closed-loop callers; each takes the next of `count` commands. */
async function propose(node: PaxosNode, count: number, callers: number, commandOf: (k: number) => Uint8Array) {
  let next = 0
  let failed = 0
  const group = node.group(0)
  const ticker = setInterval(() => console.error(`  ${whole(next)} of ${whole(count)}`), 10_000)
  await Promise.all(
    Array.from({ length: callers }, async () => {
      while (next < count) {
        try {
          await group.propose(commandOf(next++), { timeoutMs: 60_000 })
        } catch {
          failed++
          await sleep(50)
        }
      }
    }),
  )
  clearInterval(ticker)
  if (failed > 0) console.error(`  ${failed} proposals failed`)
}

async function main(): Promise<boolean> {
  interruptible()
  const dir = makeWorkDir('kept', values.data)
  const ports = await freePorts(number('nodes'))
  const nodes = Object.fromEntries(ports.map((port, i) => [i + 1, `127.0.0.1:${port}`]))
  const settings = ports.map(
    (_, i): KeptSettings => ({
      nodeId: i + 1,
      nodes,
      dataDir: join(dir, `node-${i + 1}`),
      everyInstances: number('every'),
      holdInstances: number('hold'),
    }),
  )
  const children = new Map<number, ChildChannel>()
  const child = (nodeId: number) => new ChildChannel(new URL('./kept-node.js', import.meta.url), settings[nodeId - 1]!)
  for (const { nodeId } of settings.slice(1)) children.set(nodeId, child(nodeId))
  let local: PaxosNode | undefined
  try {
    const others = [...children.values()].map((channel) => channel.ask('start'))
    const node = await startKeptNode(settings[0]!)
    local = node
    await Promise.all(others)
    const { dataDir } = settings[0]!
    const callers = number('callers')
    const large = Math.floor((number('state-mb') * 1024 * 1024) / FILL_VALUE_BYTES)
    const alarms: string[] = []
    const checkpoints: number[] = []
    node.on('alarm', ({ code, message }) => alarms.push(`${code}: ${message}`))
    node.on('checkpoint', ({ instance }) => checkpoints.push(instance))

    const began = performance.now()
    await propose(node, large, callers, (k) => command(SMALL_KEYS + k, FILL_VALUE_BYTES))
    console.error(`filled ${whole(large)} keys in ${((performance.now() - began) / 1000).toFixed(0)} s`)
    const load = (count: number) => propose(node, count, callers, (k) => command(k % SMALL_KEYS, SMALL_VALUE_BYTES))
    const from = performance.now()
    const steady = await watching(node, dataDir, () => load(number('instances')))
    const seconds = (performance.now() - from) / 1000

    // The same again, short, each time with a checkpoint in it from beginning to end: what it takes of the group's thread.
    const quiet = await watching(node, dataDir, () => sleep(5_000))
    const taking: number[] = []
    for (let i = 0; i < CHECKPOINTS; i++) {
      const { keepMs } = await watching(node, dataDir, async () => {
        await load(1_000)
        await node.group(0).checkpoint()
      })
      taking.push(keepMs)
    }
    const liveBytes = large * (FILL_VALUE_BYTES + 11) + SMALL_KEYS * (SMALL_VALUE_BYTES + 11)
    const keptBytes = steady.keptInstances * RECORD_BYTES
    const restart = await restarted(children, child)
    const result = {
      instances: node.status().groups[0]!.chosenUpTo,
      instancesPerSecond: Math.round(number('instances') / seconds),
      checkpoints: checkpoints.length,
      checkpointMegabytes: Math.round(diskBytes(join(dataDir, 'store-0000', 'checkpoints', 'group-0')) / 1e6),
      logOverKept: steady.logBytes / keptBytes,
      logMegabytes: steady.logBytes / 1e6,
      stateOverLive: steady.stateBytes / liveBytes,
      stateMegabytes: steady.stateBytes / 1e6,
      longestStopMs: { load: steady.keepMs, idle: quiet.keepMs, checkpoints: taking },
      restart,
      alarms,
    }
    console.log(JSON.stringify(result, null, 2))
    return result.logOverKept < 2 && result.stateOverLive < 1.3 && alarms.length === 0
  } finally {
    await Promise.all([local?.stop(), ...[...children.values()].map((channel) => channel.stop())])
    removeWorkDir(dir)
  }
}

/** The last node stops, and starts again in a new process on its data. */
async function restarted(children: Map<number, ChildChannel>, child: (nodeId: number) => ChildChannel) {
  const [nodeId] = [...children.keys()].slice(-1)
  if (nodeId === undefined) return undefined
  await children.get(nodeId)!.stop()
  const next = child(nodeId)
  children.set(nodeId, next)
  const { started, served } = await next.ask<{ started: number; served: number }>('start')
  const status = await next.ask<{ groups: { firstKept: number; chosenUpTo: number }[] }>('status')
  const [group] = status.groups
  return { startedMs: started, servedMs: served, instancesInLog: group!.chosenUpTo - group!.firstKept + 1 }
}

await runProgram(main)
