/** A rule's timers under the names that the driver knows them by: `rule.` before the rule's own, so that they never meet the peer's. */

const PREFIX = 'rule.';
/** Made once: rules have a handful of timers, and set them in every round. */
const driverNames = new Map<string, string>();
const ruleNames = new Map<string, string>();

export function timerName(ofRule: string): string {
  let name = driverNames.get(ofRule);
  if (name === undefined) {
    name = `${PREFIX}${ofRule}`;
    driverNames.set(ofRule, name);
    ruleNames.set(name, ofRule);
  }
  return name;
}

/** What the rule calls a driver's timer; undefined where it is none of the rule's. */
export function ruleTimer(name: string): string | undefined {
  return ruleNames.get(name) ?? (name.startsWith(PREFIX) ? name.slice(PREFIX.length) : undefined);
}
