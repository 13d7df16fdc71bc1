import { runInTree } from './tree.js'

/**
 * `npm run sim:round -- --seed 7` runs one seed; without `--seed`, `--seeds` of them from `--first-seed` on, or new ones
 * for `--minutes`. `--rounds` says how long each lasts. Exits 1 at the first seed that breaks a rule.
 */
process.exitCode = runInTree(process.argv.slice(2), [], 'inherit').status ?? 1
