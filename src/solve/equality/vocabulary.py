"""What commands, signs and words mean: the tables of the reader, and no more."""
import re

# --- Signs -------------------------------------------------------------------------

UNICODE = {
    "\u2212": "-", "\u2013": "-", "\u2010": "-", "\u00d7": "\\times ", "\u00b7": "\\cdot ",
    "\u22c5": "\\cdot ", "\u2217": "*", "\u00f7": "/", "\u2215": "/", "\u2044": "/",
    "\u221e": "\\infty ", "\u2264": "\\le ", "\u2a7d": "\\le ", "\u2265": "\\ge ",
    "\u2a7e": "\\ge ", "\u2260": "\\ne ", "\u2248": "\\approx ", "\u2261": "\\equiv ",
    "\u222a": "\\cup ", "\u2229": "\\cap ", "\u2208": "\\in ", "\u2205": "\\emptyset ",
    "\u2216": "\\setminus ", "\u00b1": "\\pm ", "\u2213": "\\mp ", "\u00b0": "\\degree ",
    "\u221a": "\\sqrt ", "\u211d": "\\mathbb{R}", "\u2124": "\\mathbb{Z}",
    "\u2115": "\\mathbb{N}", "\u211a": "\\mathbb{Q}", "\u2220": "\\angle ",
    "\u25b3": "\\triangle ", "\u2026": "...", "\u2032": "'", "\u2033": "''", "\u2019": "'",
    "\u2192": "\\to ", "\u2211": "\\sum ", "\u220f": "\\prod ", "\uff0c": ",", "\uff08": "(",
    "\uff09": ")", "\uff1a": ":", "\uff1b": ";", "\uff1d": "=", "\u3001": ",", "\u230a":
    "\\lfloor ", "\u230b": "\\rfloor ", "\u2308": "\\lceil ", "\u2309": "\\rceil ",
    "\u00a0": " ", "\u2009": "\\,", "\u202f": "\\,", "\u2223": "|", "\u03d5": "\\phi ",
}
UNICODE.update(zip("\u03b1\u03b2\u03b3\u03b4\u03b5\u03b6\u03b7\u03b8\u03bb\u03bc\u03bd\u03be"
                   "\u03c0\u03c1\u03c3\u03c4\u03c6\u03c7\u03c8\u03c9",
                   (f"\\{name} " for name in
                    "alpha beta gamma delta epsilon zeta eta theta lambda mu nu xi pi rho sigma "
                    "tau phi chi psi omega".split())))
UNICODE.update(zip("\u0393\u0394\u0398\u039b\u03a3\u03a6\u03a8\u03a9",
                   (f"\\{name} " for name in
                    "Gamma Delta Theta Lambda Sigma Phi Psi Omega".split())))
UNICODE.update({"\u00bd": "\\frac{1}{2}", "\u2153": "\\frac{1}{3}", "\u2154": "\\frac{2}{3}",
                "\u00bc": "\\frac{1}{4}", "\u00be": "\\frac{3}{4}", "\u2155": "\\frac{1}{5}",
                "\u2156": "\\frac{2}{5}", "\u2157": "\\frac{3}{5}", "\u2158": "\\frac{4}{5}",
                "\u2159": "\\frac{1}{6}", "\u215a": "\\frac{5}{6}", "\u2150": "\\frac{1}{7}",
                "\u215b": "\\frac{1}{8}", "\u215c": "\\frac{3}{8}", "\u215d": "\\frac{5}{8}",
                "\u215e": "\\frac{7}{8}"})
SUPERSCRIPTS = str.maketrans("\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079\u207b"
                             "\u207a\u207f", "0123456789-+n")
SUBSCRIPTS = str.maketrans("\u2080\u2081\u2082\u2083\u2084\u2085\u2086\u2087\u2088\u2089",
                           "0123456789")
SUPERSCRIPT = re.compile("[\u2070\u00b9\u00b2\u00b3\u2074-\u2079\u207b\u207a\u207f]+")
SUBSCRIPT = re.compile("[\u2080-\u2089]+")
OTHER_SIGN = re.compile("[^\\x00-\\x7f]")
CURRENCY = "$\u20ac\u00a3\u00a5"


def replace_unicode(text):
    if text.isascii():
        return text
    text = SUPERSCRIPT.sub(lambda match: "^{" + match[0].translate(SUPERSCRIPTS) + "}", text)
    text = SUBSCRIPT.sub(lambda match: "_{" + match[0].translate(SUBSCRIPTS) + "}", text)
    return OTHER_SIGN.sub(lambda match: UNICODE.get(match[0], match[0]), text)


SAME_SYMBOL = {"**": "^", "==": "="}

# --- Commands ----------------------------------------------------------------------

SAME_COMMAND = {
    "dfrac": "frac", "tfrac": "frac", "cfrac": "frac", "dbinom": "binom", "tbinom": "binom",
    "leq": "le", "leqslant": "le", "leqq": "le", "geq": "ge", "geqslant": "ge", "geqq": "ge",
    "neq": "ne", "thickapprox": "approx", "simeq": "approx", "sim": "approx", "cong": "approx",
    "varnothing": "emptyset", "backslash": "setminus",
    "measuredangle": "angle", "varphi": "phi", "varepsilon": "epsilon", "vartheta": "theta",
    "bigcup": "cup", "bigcap": "cap", "infin": "infty", "R": "mathbb:R",
    "isin": "in", "overrightarrow": "vec",
    "implies": "to", "Rightarrow": "to", "rightarrow": "to", "textdegree": "degree",
}
SYMBOL_COMMANDS = {
    "cdot": "*", "times": "*", "ast": "*", "div": "/", "lt": "<", "gt": ">", "le": "<=",
    "ge": ">=", "ne": "!=", "vert": "|", "lvert": "|", "rvert": "|", "lVert": "||", "Vert": "||",
    "rVert": "||", "lbrack": "[", "rbrack": "]", "lbrace": "\\{", "rbrace": "\\}",
    "lparen": "(", "rparen": ")", "colon": ":", "prime": "'", "approx": "approx",
    "pm": "+-", "mp": "-+", "equiv": "equiv", "in": "in", "mid": "|",
}
SPACES = {"quad", "qquad", "enspace", "thinspace", "medspace", "thickspace", "hfill", "space",
          "negthinspace", "enskip"}
DROPPED = {"left", "right", "middle", "big", "Big", "bigg", "Bigg", "bigl", "bigr", "Bigl", "Bigr",
           "biggl", "biggr", "Biggl", "Biggr", "bigm", "Bigm", "displaystyle", "textstyle",
           "scriptstyle", "scriptscriptstyle", "limits", "nolimits",
           "rm", "bf", "it", "mathstrut", "strut", "nonumber", "notag", "ensuremath", "hline",
           "allowbreak", "nobreak", "relax", "protect", "mathopen", "mathclose", "mathord"}
BOXES = {"boxed", "fbox", "framebox"}
TEXT_COMMANDS = {"text", "mbox", "hbox", "textrm", "textnormal", "textbf", "textit", "textsf",
                 "texttt", "textup", "emph", "textsc", "textmd", "underline"}
UPRIGHT = {"mathrm", "operatorname", "mathsf", "mathtt", "mathnormal", "operatorname*"}
VECTOR_STYLES = {"mathbf", "boldsymbol", "bm", "vec", "hat", "widehat", "mathbfit"}
STYLE_COMMANDS = UPRIGHT | VECTOR_STYLES | {"mathit", "mathcal", "mathscr", "mathfrak", "mathbb"}
GREEK = {"alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa",
         "lambda", "mu", "nu", "xi", "rho", "sigma", "tau", "phi", "chi", "psi", "omega", "Gamma",
         "Delta", "Theta", "Lambda", "Xi", "Pi", "Sigma", "Phi", "Psi", "Omega", "Upsilon", "ell",
         "upsilon", "hbar", "partial"}

CIRCULAR = ("sin", "cos", "tan", "cot", "sec", "csc")
HYPERBOLIC = ("sinh", "cosh", "tanh", "coth", "sech", "csch")
ARCS = tuple("arc" + name for name in CIRCULAR) + ("arcsinh", "arccosh", "arctanh")
FUNCTIONS = set(CIRCULAR + HYPERBOLIC + ARCS) | {
    "log", "ln", "lg", "exp", "abs", "sqrt", "gcd", "lcm", "max", "min", "floor", "ceil", "sgn",
    "asin", "acos", "atan", "cbrt", "deg"}
SAME_FUNCTION = {"asin": "arcsin", "acos": "arccos", "atan": "arctan", "arsinh": "arcsinh",
                 "arcosh": "arccosh", "artanh": "arctanh"}
LIST_FUNCTIONS = {"gcd", "lcm", "max", "min"}
PREFIX_FUNCTIONS = ("sin", "cos", "tan", "cot", "sec", "csc", "ln", "log", "exp", "sqrt")
CONSTANT_WORDS = {"pi": "pi", "infinity": "infty", "infty": "infty", "inf": "infty", "oo": "infty"}

# --- Words -------------------------------------------------------------------------

SHORT_WORDS = set(
    "yes no odd all any both none red two six ten one dne tie day mon tue wed thu fri sat sun jan "
    "feb mar apr may jun jul aug sep oct nov dec cat dog boy men man win not the for per sq in cm "
    "mm km dm ft yd mi kg mg lb lbs oz ml hr hrs sec min mph kph pct usd cup cups am pm "
    "ways way true even".split())

SHOUTED = {"yes", "no", "odd", "even", "true", "dne", "all", "am", "pm"}  # in capitals, too

# Each unit's one name by the names it goes under; degrees, percent and money are no
# more than a way to write the number.
UNITS = {}
for names in (
        "mm millimeter millimeters millimetre millimetres", "cm centimeter centimeters centimetre "
        "centimetres", "dm decimeter decimeters decimetre decimetres", "km kilometer kilometers "
        "kilometre kilometres", "m meter meters metre metres", "in inch inches", "ft foot feet",
        "yd yard yards", "mi mile miles", "kg kilogram kilograms", "g gram grams", "mg milligram "
        "milligrams", "lb lbs pound pounds", "oz ounce ounces", "ton tons tonne tonnes",
        "l L liter liters litre litres", "mL ml milliliter milliliters", "gal gallon gallons",
        "s sec secs second seconds", "min mins minute minutes", "h hr hrs hour hours",
        "day days", "week weeks", "month months", "yr year years", "N newton "
        "newtons", "J joule joules", "W watt watts", "V volt volts", "Hz hertz", "rad radian "
        "radians", "cent cents", "am", "pm", "K kelvin", "Pa", "acre acres", "rpm"):
    UNITS.update(dict.fromkeys(names.split(), names.split()[0]))
UNITS.update(mph="mi*/h", kph="km*/h", kmh="km*/h")
# Of one letter they are units in upright type only.
NO_UNIT = set("degree degrees deg percent percentage pct dollar dollars usd euro euros yuan rmb "
              "rupee rupees yen unit units \u20ac".split())
UNIT_POWERS = {"square": 2, "sq": 2, "squared": 2, "cubic": 3, "cu": 3, "cubed": 3}
MULTIPLIERS = {"dozen": 12, "hundred": 10**2, "thousand": 10**3, "million": 10**6,
               "billion": 10**9, "trillion": 10**12}

# A word behind a number that is none of these names the thing that is counted. They are
# the words that could change the number: closed classes of English, and arithmetic.
NOT_COUNTED = set(
    "a an and or not no nor but if unless when where while for to from of at by with without in on "
    "over under above below between than then that which each every either neither both all some "
    "few fewer less least most more many much only exactly about around approximately roughly "
    "nearly almost up down is are was be as per plus minus times divided multiplied mod modulo "
    "base squared cubed half halves third thirds quarter quarters fourth fourths fifth fifths "
    "sixth sixths tenth tenths hundredth hundredths thousandth thousandths one two three four "
    "five six seven eight nine ten eleven twelve twenty thirty forty fifty hundred thousand "
    "million billion trillion dozen score gross double twice triple pair negative positive "
    "factorial odd even root power through until since before after except excluding including "
    "inclusive exclusive infinity infinite infinitely zero none other others else otherwise first "
    "second third last next left right greater smaller larger bigger lower higher percent lakh "
    "crore k bn mil thousands millions billions hundreds dozens tens units' true false yes also "
    "together remainder additional extra mixed imaginary real complex pi e i".split())

SAYS_ALL_REALS = {"allrealnumbers", "allreals", "realnumbers", "thesetofallrealnumbers",
                  "allrealnumber", "anyrealnumber", "everyrealnumber"}


def is_word(letters):
    """Whether letters that are written together are a word, not a product."""
    if letters in UNITS:
        return True
    if letters.lower() in SHORT_WORDS:
        return letters in (letters.lower(), letters.capitalize()) or (
            letters.isupper() and letters.lower() in SHOUTED)
    return len(letters) > 4 or (len(letters) == 4 and not letters.isupper())
