import { parseArgs } from 'node:util'
import { LONG, SHORT } from './configurations.js'
import { Search, type SearchResult } from './search.js'

/** `npm run explore [-- --short] [--only NAME] [--max-states N]`: exits 1 at the first violation. */
const { values } = parseArgs({
  options: {
    short: { type: 'boolean', default: false },
    only: { type: 'string' },
    'max-states': { type: 'string', default: '30000000' },
  },
})

function line(r: SearchResult): string {
  const end = r.violation ? 'VIOLATION' : r.finished ? 'complete' : 'STOPPED at the limit of states'
  return (
    `${r.name.padEnd(44)} ${String(r.states).padStart(9)} states ${String(r.transitions).padStart(10)} transitions ` +
    `depth ${String(r.depth).padStart(3)}  ${String(r.nodeStates).padStart(6)} node states ${String(r.coreSteps).padStart(7)} core steps ` +
    `${r.seconds.toFixed(1).padStart(6)} s ${String(Math.round(r.transitions / r.seconds)).padStart(8)} transitions/s  ${end}`
  )
}

function main(): number {
  const all = values.short ? SHORT : LONG
  for (const bounds of all.filter(({ name }) => values.only === undefined || name.includes(values.only))) {
    const result = new Search(bounds).run(Number(values['max-states']))
    console.log(line(result))
    if (result.violation) {
      console.log(result.path.join('\n'))
      console.log(result.violation)
      return 1
    }
  }
  return 0
}

process.exitCode = main()
