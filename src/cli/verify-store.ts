// A process of its own, because LMDB may crash the one that reads a damaged environment: checks one store, as the order on
// standard input says, and tells each thing that it finds on standard output at once.
import { readFileSync } from 'node:fs'
import type { StoreJob, StorePart } from './finding.js'
import { verifyCheckpoints } from './verify-checkpoints.js'
import { verifyLog } from './verify-log.js'
import { VerifyReport } from './verify-report.js'
import { verifyState } from './verify-state.js'

const CHECKS: Readonly<Record<StorePart, (job: StoreJob, report: VerifyReport) => void>> = {
  checkpoints: verifyCheckpoints,
  state: verifyState,
  log: verifyLog,
}

const job = JSON.parse(readFileSync(0, 'utf8')) as StoreJob
const report = new VerifyReport(job.positions)
for (const part of job.parts) {
  report.say({ kind: 'part', part })
  report.guarded(() => CHECKS[part](job, report))
  report.sayCounts()
}
