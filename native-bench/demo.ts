// npm start: three nodes on this machine, ten seconds of load, and one of them killed and restarted in the middle.
import { setTimeout as sleep } from 'node:timers/promises'
import { agreementLine, waitForAgreement } from './agreement.js'
import { type BenchOptions, defaultRun } from './bench-options.js'
import { Cluster } from './cluster.js'
import { interruptible, runProgram } from './interrupt.js'
import { measure } from './measure.js'
import { figuresTable } from './report.js'
import { makeWorkDir, removeWorkDir } from './work-dir.js'

const VICTIM = 2
const KILL_AFTER_MS = 3_500
const AWAY_MS = 2_000
const AGREE_MS = 60_000

const options: BenchOptions = { ...defaultRun(), seconds: 10, warmUpSeconds: 0.5 }

/** Who proposes first leads: the victim gets the even groups, so that its death costs more than a vote. */
async function shareOutLeaders(cluster: Cluster): Promise<void> {
  for (let group = 0; group < options.groups; group++) {
    const nobody = new Uint8Array(options.bytes).fill(255)
    if (group % 2 === 0) await cluster.child(VICTIM).ask('propose', { group, bytes: options.bytes })
    else await cluster.local.group(group).propose(nobody)
  }
}

async function killAndRestart(cluster: Cluster, signal: AbortSignal): Promise<void> {
  await sleep(options.warmUpSeconds * 1000 + KILL_AFTER_MS, undefined, { signal })
  const leads = cluster.local.status().groups.filter(({ leader }) => leader === VICTIM)
  console.log(`       node ${VICTIM}, which leads ${leads.length} of ${options.groups} groups, is killed (SIGKILL)`)
  await cluster.child(VICTIM).kill()
  await sleep(AWAY_MS, undefined, { signal })
  console.log(`       node ${VICTIM} is started again on its data`)
  await cluster.startChild(VICTIM)
  console.log(`       node ${VICTIM} serves`)
}

async function main(): Promise<boolean> {
  const signal = interruptible()
  const dir = makeWorkDir('demo')
  let cluster: Cluster | undefined
  try {
    const { nodes, groups, callers, bytes, seconds } = options
    console.log(
      `${nodes} nodes, ${groups} groups, ${callers} callers at node 1, ${bytes} B, ${seconds} s, logs in ${dir}`,
    )
    cluster = await Cluster.start(options, dir)
    const running = cluster
    await shareOutLeaders(running)
    const [figures] = await Promise.all([
      measure(running, options, signal, (line) => console.log(line)),
      killAndRestart(running, signal),
    ])
    console.log(`\n${figuresTable(figures)}\n`)
    const { acknowledged, unknown } = figures
    const known = { acknowledged: acknowledged + options.groups, unknown }
    const agreement = await waitForAgreement(() => running.groupStates(), known, AGREE_MS)
    console.log(agreementLine(agreement, nodes))
    return agreement.agree
  } finally {
    await cluster?.stop()
    removeWorkDir(dir)
  }
}

await runProgram(main)
