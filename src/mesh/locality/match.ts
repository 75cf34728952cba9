/** Region, zone and subzone; '' where unknown. */
export interface Locality {
  readonly region: string
  readonly zone: string
  readonly subzone: string
}

/** `region/zone/subzone`, of which the later parts may be missing. */
export function parseLocality(text: string): Locality {
  const [region = '', zone = '', subzone = ''] = text.split('/')
  return { region, zone, subzone }
}

/** Whether a locality fits a pattern such as `region/zone/*`, `region/*`, `region` or `*`. */
export function localityMatches(locality: Locality, pattern: string): boolean {
  const { region, zone, subzone } = parseLocality(pattern)
  return (
    (region === '*' || region === locality.region) &&
    (zone === '*' || zone === '' || zone === locality.zone) &&
    (subzone === '*' || subzone === '' || subzone === locality.subzone)
  )
}

/** How far away: 0 same subzone, 1 same zone, 2 same region, 3 elsewhere. */
export function distance(from: Locality, to: Locality): 0 | 1 | 2 | 3 {
  if (from.region !== to.region) return 3
  if (from.zone !== to.zone) return 2
  return from.subzone === to.subzone ? 0 : 1
}
