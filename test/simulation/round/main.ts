import { printPlanted } from './planted/catch.js'
import { runInTree } from './tree.js'

/**
 * `npm run sim:round -- --seed 7` runs one seed; without `--seed`, `--seeds` of them from `--first-seed` on, or new ones
 * for `--minutes`. `--rounds` says how long each lasts. Exits 1 at the first seed that breaks a rule. `--planted` prints
 * the table of planted bugs instead: with `--find` for seeds that catch them, with `--only word` for some of them.
 */
function main(args: readonly string[]): number {
  if (!args.includes('--planted')) return runInTree(args, [], 'inherit').status ?? 1
  const only = args.includes('--only') ? (args[args.indexOf('--only') + 1] ?? '') : ''
  return printPlanted(args.includes('--find'), only) ? 0 : 1
}

process.exitCode = main(process.argv.slice(2))
