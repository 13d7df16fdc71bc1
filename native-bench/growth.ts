// npm run bench:growth: one cluster whose stored state grows from size to size, under the same loads at each of them.
import { InvalidArgumentError } from 'commander'
import { agreementLine, waitForAgreement } from './agreement.js'
import { type BenchOptions, parseOrExit, runCommand, runOptionsOf } from './bench-options.js'
import { Cluster } from './cluster.js'
import { GrowingState, VALUE_BYTES } from './growing-state.js'
import { interruptible, runProgram } from './interrupt.js'
import { type Figures, measure, type Subject, type Watch, whole } from './measure.js'
import { runLine } from './medians.js'
import { makeWorkDir, removeWorkDir } from './work-dir.js'

/** Some 10 MB: they stay in every cache, however large the state. */
const FEW_KEYS = 10_000
/** After a filling, followers may have much to execute. */
const AGREE_MS = 600_000

interface Setting {
  readonly options: BenchOptions
  readonly signal: AbortSignal
}

interface SizeFigures {
  readonly megabytes: number
  readonly fillSeconds: number
  readonly all: Run
  readonly few: Run
  readonly beside: Run
  readonly checkpointSeconds: number
  /** From the start of the last node on its data until it serves; undefined: there is only one. */
  readonly restartSeconds: number | undefined
}

function sizeList(text: string): number[] {
  const sizes = text.split(',').map(Number)
  if (sizes.every((size, i) => size > (sizes[i - 1] ?? 0) && size <= 1e6)) return sizes
  throw new InvalidArgumentError('It takes megabytes in ascending order, with commas: 10,100,1000.')
}

async function seconds(body: () => Promise<unknown>): Promise<number> {
  const from = performance.now()
  await body()
  return (performance.now() - from) / 1000
}

/** The commits of the state on node 1 in a measured interval: a group's votes wait for each. */
interface StateCommits {
  readonly count: number
  readonly ms: number
}

interface Run {
  readonly figures: Figures
  readonly stateCommits: StateCommits
}

/** `begin` is called when the measurement begins. */
async function runPuts(
  cluster: Cluster,
  subject: Subject,
  { options, signal }: Setting,
  begin = () => {},
): Promise<Run> {
  let before = stateCommitsOf(cluster)
  let after = before
  const watch: Watch = {
    async begin() {
      before = stateCommitsOf(cluster)
      begin()
    },
    async end() {
      after = stateCommitsOf(cluster)
    },
  }
  const figures = await measure(subject, options, signal, () => undefined, watch)
  return { figures, stateCommits: { count: after.count - before.count, ms: after.ms - before.ms } }
}

function stateCommitsOf(cluster: Cluster): StateCommits {
  const counters = cluster.local.status().workers.map((worker) => worker.counters)
  const sum = (name: 'stateCommits' | 'stateCommitMs') => counters.reduce((total, one) => total + one[name], 0)
  return { count: sum('stateCommits'), ms: sum('stateCommitMs') }
}

async function measureSize(
  cluster: Cluster,
  state: GrowingState,
  setting: Setting,
  megabytes: number,
): Promise<SizeFigures> {
  const { options, signal } = setting
  const fillSeconds = await seconds(async () => {
    await state.fill(megabytes, signal)
    await agreement(cluster)
  })
  console.log(`\n${whole(megabytes)} MB: filled up to it in ${fillSeconds.toFixed(1)} s`)
  const all = await runPuts(cluster, state.puts(), setting)
  tell('all keys alike', all)
  const few = await runPuts(cluster, state.puts(FEW_KEYS), setting)
  tell(`${whole(FEW_KEYS)} keys`, few)
  let taking: Promise<number> | undefined
  const beside = await runPuts(cluster, state.puts(), setting, () => {
    const { local } = cluster
    taking = seconds(() => Promise.all(local.status().groups.map(({ group }) => local.group(group).checkpoint())))
  })
  tell('all, beside a checkpoint', beside)
  const checkpointSeconds = await taking!
  const restartSeconds = options.nodes === 1 ? undefined : await seconds(() => cluster.restartChild(options.nodes))
  const restart = restartSeconds === undefined ? '' : `, a node is back ${restartSeconds.toFixed(1)} s after its end`
  console.log(`  checkpoints of all groups of node 1 in ${checkpointSeconds.toFixed(1)} s${restart}`)
  return { megabytes, fillSeconds, all, few, beside, checkpointSeconds, restartSeconds }
}

function tell(name: string, { figures, stateCommits: { count, ms } }: Run): void {
  const { processes, bytesWrittenPerCommandByte: written, errorsByCode } = figures
  const [first] = processes
  const errors = Object.entries(errorsByCode).map(([code, times]) => `${code} ${times}`)
  const details = [
    written === undefined ? [] : `${(written / processes.length).toFixed(1)} KB written a put and node`,
    `${whole(count)} state commits of ${whole(ms / Math.max(1, count))} ms: ${whole(ms / figures.seconds / 10)} % of the time`,
    `${whole(first!.rssMegabytes)} MB resident`,
    `${whole(first!.dataMegabytes)} MB of files`,
    errors,
  ]
  console.log(`  ${name.padEnd(26)}${runLine(figures)}\n    ${details.flat().join(', ')}`)
}

/** Executed counts are left out: the machine keeps none. */
function agreement(cluster: Cluster) {
  return waitForAgreement(() => cluster.groupStates(), { acknowledged: 0, unknown: Number.POSITIVE_INFINITY }, AGREE_MS)
}

async function main(): Promise<boolean> {
  const command = runCommand('bench:growth', 'Puts of 1 KB to a stored state that grows from size to size.')
    .option('--sizes <list>', 'megabytes of the state, with commas', sizeList, [10, 100, 1_000])
    .option('--json', 'one JSON object as the last line', false)
  const options = { ...runOptionsOf(parseOrExit(command, process.argv.slice(2))), bytes: VALUE_BYTES }
  const { sizes, json } = command.opts<{ sizes: number[]; json: boolean }>()
  const signal = interruptible()
  const dir = makeWorkDir('growth', options.data)
  let cluster: Cluster | undefined
  try {
    cluster = await Cluster.start({ ...options, machine: 'bulk' }, dir)
    const state = new GrowingState(cluster, options.groups)
    const all: SizeFigures[] = []
    for (const megabytes of sizes) all.push(await measureSize(cluster, state, { options, signal }, megabytes))
    const end = await agreement(cluster)
    console.log(`\n${agreementLine(end, options.nodes)}`)
    if (json) console.log(JSON.stringify({ sizes: all, agree: end.agree, options }))
    return end.agree
  } finally {
    await cluster?.stop()
    removeWorkDir(dir)
  }
}

await runProgram(main)
