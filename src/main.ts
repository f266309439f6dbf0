#!/usr/bin/env node
/** The command line's door. */
import { programUrl } from './base/programs.ts';

await import(programUrl('cli/command-line.js').href);
