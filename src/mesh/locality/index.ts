export { distributed } from './distribute.ts'
export { type Locality, localityMatches, parseLocality } from './match.ts'
export { denseRanks, labelRank, localityRank, localityRanks, regionRank, regionRanks } from './rank.ts'
export { comparedLabels, effectiveLocality, givesPriorities, type LocalitySetting } from './setting.ts'
