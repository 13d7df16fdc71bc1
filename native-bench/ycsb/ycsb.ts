// npm run bench:ycsb: a core workload of YCSB over examples/kv, in process or over HTTP.
import { setTimeout as sleep } from 'node:timers/promises'
import { Random } from '../../src/base/random.js'
import { agreementLine, waitForAgreement } from '../agreement.js'
import { interruptible, runProgram } from '../interrupt.js'
import { whole } from '../measure.js'
import { table } from '../report.js'
import type { KvStore } from './kv-stores.js'
import { keyText, Truth } from './records.js'
import { Chooser, WORKLOADS } from './workloads.js'
import { YcsbCluster } from './ycsb-cluster.js'
import { type OperationFigures, YcsbLoad } from './ycsb-load.js'
import { parseYcsbOptions, type YcsbOptions } from './ycsb-options.js'

const AGREE_MS = 60_000
/** A node's status is at most 100 ms old. */
const STATUS_MS = 300
const SAMPLE_KEYS = 1_000

const log = (line: string): void => console.log(line)

/** Reads keys from all over the key space, one after the other for each caller. */
async function readSample(stores: readonly KvStore[], truth: Truth, { records }: YcsbOptions, newest: boolean) {
  const step = Math.max(1, records / SAMPLE_KEYS)
  const keys = Array.from({ length: Math.min(records, SAMPLE_KEYS) }, (_, i) => Math.floor(i * step))
  await Promise.all(
    stores.map(async (store, caller) => {
      for (let i = caller; i < keys.length; i += stores.length) {
        const key = keys[i]!
        truth.check(key, await store.read(keyText(key)), newest ? truth.lowest(key) : 0)
      }
    }),
  )
  return keys.length
}

function figuresTable(figures: readonly OperationFigures[]): string {
  const total = figures.reduce((sum, { perSecond }) => sum + perSecond, 0)
  const rows = figures.map(({ operation, perSecond, p50Ms, p90Ms, p99Ms, maxMs }): [string, string] => {
    const latency = [p50Ms, p90Ms, p99Ms, maxMs].map((ms) => ms.toFixed(2)).join(' / ')
    return [operation, `${whole(perSecond).padStart(9)}/s  p50 / p90 / p99 / max ${latency} ms`]
  })
  return table([['operations', `${whole(total).padStart(9)}/s`], ...rows])
}

async function measured(options: YcsbOptions, cluster: YcsbCluster, signal: AbortSignal): Promise<boolean> {
  const { workload, records, seconds, warmUp, callers, bytes, consistency, seed, json } = options
  const stores = await cluster.stores()
  const truth = new Truth(callers, bytes)
  const newest = consistency === 'quorum'
  const load = new YcsbLoad(stores, truth, newest)
  const began = performance.now()
  await load.fill(records)
  const perSecond = (records * 1000) / (performance.now() - began)
  log(`${whole(records)} records written, ${whole(perSecond)}/s`)
  await load.run(new Chooser(WORKLOADS[workload], records, new Random(seed)), seconds, warmUp, signal)
  const sampled = await readSample(stores, truth, options, newest)
  await sleep(STATUS_MS)
  const agreement = await waitForAgreement(() => cluster.groupStates(), load, AGREE_MS)
  for (const store of stores) store.close()
  const figures = load.figures()
  const errors = Object.fromEntries(load.errorsByCode)
  log(`\n${figuresTable(figures)}\n`)
  if (load.errorsByCode.size > 0) log(`errors: ${JSON.stringify(errors)}`)
  log(agreementLine(agreement, 3))
  const checked = newest ? 'written for its key, and not older than what had been acknowledged' : 'written for its key'
  if (truth.wrongCount === 0) log(`every value that was read, ${sampled} sampled ones at the end too, was ${checked}`)
  else log(`${truth.wrongCount} READS WERE WRONG\n  ${truth.wrong.join('\n  ')}`)
  const right = agreement.agree && truth.wrongCount === 0
  if (json) log(JSON.stringify({ figures, errors, right, agreement, wrong: truth.wrong, options }))
  return right
}

async function main(): Promise<boolean> {
  const options = parseYcsbOptions(process.argv.slice(2))
  const signal = interruptible()
  const { workload, records, callers, bytes, groups, state, consistency, http } = options
  const way = http ? 'over HTTP' : 'in process'
  log(`workload ${workload} ${way}: ${whole(records)} records of ${bytes} B, ${callers} callers, ${consistency} reads`)
  log(`3 nodes, ${groups} groups, state ${state}`)
  const cluster = await YcsbCluster.start(options)
  try {
    return await measured(options, cluster, signal)
  } finally {
    await cluster.end()
  }
}

await runProgram(main)
