import { PLANTED_BUGS } from './bugs.js'
import { catchBug, TABLE_HEAD, tableLine } from './plant.js'

/**
 * Plants every bug (or those whose name holds `only`) and prints the table; false if one was not caught. With `find`
 * seeds are tried from 1 on, up to `maxSteps`, instead of the named ones.
 */
export function printPlanted(find: boolean, only: string, maxSteps: number): boolean {
  let all = true
  console.log(TABLE_HEAD)
  for (const bug of PLANTED_BUGS) {
    if (!bug.name.includes(only)) continue
    const row = find ? catchBug(bug, 1, maxSteps) : catchBug(bug, bug.seed, 20_000)
    console.log(tableLine(row))
    all &&= row.caught
  }
  return all
}
