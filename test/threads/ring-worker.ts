import { parentPort, workerData } from 'node:worker_threads'
import { type RingModules, runScenario, type ScenarioData } from './ring-scenarios.js'

/** One of the two threads of a scenario. A failure is an uncaught error: the starter sees it as the thread's. */
const data = workerData as ScenarioData
const modules: RingModules = {
  ...(await import(`${data.ringUrl}doorbell.js`)),
  ...(await import(`${data.ringUrl}due-bits.js`)),
  ...(await import(`${data.ringUrl}gate-word.js`)),
  ...(await import(`${data.ringUrl}spsc-ring.js`)),
}
parentPort?.postMessage(await runScenario(modules, data))
