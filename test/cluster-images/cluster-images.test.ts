import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { freePorts } from '../../native-bench/free-ports.js'
import { makeWorkDir, removeWorkDir } from '../../native-bench/work-dir.js'
import { DISK_CALLS, straceArguments, straceMissing } from '../store/support/system-calls.js'

const missing = straceMissing()
if (missing !== undefined) console.log(`power cuts of whole clusters are not tested: ${missing}`)
const testIfTraced = missing === undefined ? test : test.skip

const script = (name: string) => fileURLToPath(new URL(name, import.meta.url))
const SEED = 20261121
const ACKS = 90
const IMAGES = 45
const CLUSTERS = 3

jest.setTimeout(300_000)

let directory: string
beforeAll(() => {
  directory = makeWorkDir('cluster-images')
})
afterAll(() => removeWorkDir(directory))

interface Outcome {
  readonly images: number
  readonly clusters: number
  readonly bad: readonly string[]
  readonly largestFile: number
  /** Written to journals. */
  readonly entries: number
}

/** Two lives of three nodes, the first one ended by a kill. */
interface Recorded {
  readonly base: string
  readonly ports: string
  readonly traces: readonly string[]
  /** Where the files are as each life left them. */
  readonly files: readonly string[]
  readonly acks: readonly number[]
}

async function record(): Promise<Recorded> {
  const base = join(directory, 'run')
  mkdirSync(base)
  const ports = (await freePorts(3)).join()
  const lives = ['kill', 'stop'].map((end) => {
    const trace = join(directory, `${end}.trace`)
    const command = [process.execPath, script('./run-main.js'), base, ports, String(ACKS), end, String(SEED)]
    // Only calls that are looked at stop the process: it has many threads, and its timers go on.
    const args = ['--seccomp-bpf', ...straceArguments(trace, DISK_CALLS), ...command]
    const { stdout } = spawnSync('strace', args, { encoding: 'utf8' })
    const files = join(directory, `${end}.files`)
    cpSync(base, files, { recursive: true })
    return { trace, files, acks: stdout.split('\n').filter((line) => line.startsWith('ack ')).length }
  })
  const [traces, files] = [lives.map(({ trace }) => trace), lives.map((life) => life.files)]
  return { base, ports, traces, files, acks: lives.map(({ acks }) => acks) }
}

/** Looks at what power cuts could have left. */
function cutPower(
  { base, ports, files }: Recorded,
  traces: readonly string[],
  images: number,
  clusters: number,
): Outcome {
  const scratch = join(directory, 'images')
  const lives = traces.flatMap((trace, i) => [trace, files[i]])
  const checked = [script('./check-main.js'), base, scratch, ports, SEED, images, clusters, ...lives]
  const check = spawnSync(process.execPath, checked.map(String), { encoding: 'utf8', maxBuffer: 1 << 26 })
  const lines = check.stdout.trimEnd().split('\n')
  const bad = lines.flatMap((line, i) => (line.startsWith('bad') ? [`${lines[i - 1]}: ${line}`] : []))
  if (check.status !== 0) bad.push(`${lines.at(-1)}: exit ${check.status ?? check.signal} ${check.stderr}`)
  const count = (beginning: string) => lines.filter((line) => line.startsWith(beginning)).length
  const largestFile = Number(/largest file (\d+)/.exec(check.stdout)?.[1])
  const entries = Number(/entries (\d+)/.exec(check.stdout)?.[1])
  return { images: count('image'), clusters: count('cluster'), bad, largestFile, entries }
}

testIfTraced(
  'whatever a power cut leaves of a cluster, every acknowledged command is in it, and it starts again',
  async () => {
    const recorded = await record()
    for (const acks of recorded.acks) expect(acks).toBeGreaterThanOrEqual(2 * ACKS)
    const outcome = cutPower(recorded, recorded.traces, IMAGES, CLUSTERS)
    expect(outcome.bad).toEqual([])
    expect(outcome.images).toBeGreaterThan(IMAGES / 2)
    expect(outcome.clusters).toBeGreaterThanOrEqual(CLUSTERS - 1)
    // The map of LMDB begins with 128 KiB.
    expect(outcome.largestFile).toBeGreaterThan(4 * 128 * 1024)

    expect(outcome.entries).toBeGreaterThan(4 * ACKS)

    // The harness catches flushes that do nothing: as if the device lied, those of the run are not in its trace.
    const flush = /^\d+ +(?:<\.\.\. )?f(?:data)?sync[( ]/
    expect(
      cutPower(
        recorded,
        changed(recorded, (line) => (flush.test(line) ? '' : line)),
        8,
        1,
      ).bad,
    ).not.toEqual([])
    // And journals that are opened without O_DSYNC.
    const journal = `${Buffer.from('/log/journal').toString('hex').replace(/../g, '\\x$&')}"`
    const plain = (line: string) =>
      line.includes(' openat(') && line.includes(journal) ? line.replace('|O_DSYNC', '') : line
    expect(cutPower(recorded, changed(recorded, plain), 8, 1).bad).not.toEqual([])
  },
)

/** Traces like those that were recorded, but for what `change` makes of each line. */
function changed({ traces }: Recorded, change: (line: string) => string): string[] {
  return traces.map((trace) => {
    const lines = readFileSync(trace, 'latin1').split('\n')
    writeFileSync(`${trace}.changed`, lines.map(change).join('\n'), 'latin1')
    return `${trace}.changed`
  })
}
