// The page "/problems", which the server has written in the language of the switch.

import { showLanguage } from "./language.js";

showLanguage(() => location.reload());
