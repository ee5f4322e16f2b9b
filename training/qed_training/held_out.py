"""Wordings that are never trained on, one or two for each family.

They ask for the same thing in a sentence that is built differently from all of the
family's training wordings. evaluate.py reports them apart.
"""

WORDINGS: dict[str, list[str]] = {
    # whole numbers
    "arithmetic": ["Please work out what {e} comes to.", "Could you tell me the value of {e}?"],
    "gcd": [
        (
            "Two numbers are given, {a} and {b}. Give the largest number that is a divisor of each"
            " of them."
        ),
        "{A} needs the GCD of {a} and {b} to reduce a fraction. What is it?",
    ],
    "lcm": [
        (
            "Two numbers are given, {a} and {b}. Give the smallest positive number that is a"
            " multiple of each of them."
        ),
        "{A} needs the LCM of {a} and {b} to add two fractions. What is it?",
    ],
    "lcm_of_three": ["Given three numbers {a}, {b} and {c}, find their smallest common multiple."],
    "is_divisor_count": [
        "Tell me how many different positive numbers divide {n} with no remainder.",
        "The number {n} has how many divisors?",
    ],
    "divisor_sum": [
        "If you add together all the positive divisors of {n}, which number do you get?"
    ],
    "nth_prime": ["Counting 2 as the first prime number, what is the {nth} one?"],
    "prime_count": ["In the range from {a} to {b}, how many prime numbers can be found?"],
    "prime_sum": ["Consider every prime number that is less than {n}. What is their sum?"],
    "largest_prime_factor": ["Among the prime factors of {n}, which one is the largest?"],
    "distinct_prime_factors": [
        "The prime factorization of {n} contains how many different primes?"
    ],
    "modular_power": [
        "Suppose {a}^{e} is divided by {m}. Which remainder do you get?",
        "Find r if r is the remainder of {a}^{e} after division by {m}.",
    ],
    "remainder": ["If {a} is divided by {m}, which remainder do you get?"],
    "unit_digit": ["Which digit is in the ones place of {a}^{e}?"],
    "digit_sum": ["If you sum up all digits in the number {n}, what do you get?"],
    "digit_sum_of_power": ["For the number {a}^{e}, what is the sum of all of its digits?"],
    "digit_count": ["Written in base ten, {a}^{e} is a number with how many digits?"],
    "factorial_zeros": ["The factorial of {k} ends in how many zeros?"],
    "multiples_count": ["In the range from {a} to {b}, how many multiples of {d} can be found?"],
    "to_base": ["Give the number {n} as it is written in {in_base}."],
    "from_base": ["Which decimal number is the same as {s} in base {b}?"],
    "congruences": [
        "Which is the smallest positive number that has remainder {r} after division by {p} and"
        " remainder {s} after division by {q}?"
    ],
    # sequences, equations, counting
    "arithmetic_sequence": [
        "The numbers {a}, {a2}, {a3}, {a4} start a sequence with a constant difference. Give term"
        " number {n}."
    ],
    "arithmetic_series": [
        "The numbers {a}, {a2}, {a3} start a sequence with a constant difference. What do its first"
        " {n} terms add up to?"
    ],
    "geometric_term": [
        "The numbers {a}, {a2}, {a3} start a sequence with a constant ratio. Give term number {n}."
    ],
    "geometric_series": [
        "The numbers {a}, {a2}, {a3} start a sequence with a constant ratio. What do its first {n}"
        " terms add up to?"
    ],
    "growth": [
        "At the start there are {a} [bacteria|cells], and every hour the number is multiplied by"
        " {q}. How many are there after {n} hours?"
    ],
    "sum_of_integers": [
        "If all whole numbers starting at 1 and ending at {n} are added, what is the result?"
    ],
    "sum_of_odd": ["If the first {n} odd numbers are added together, what is the result?"],
    "sum_of_even": [
        "If the first {n} even numbers are added together, starting with 2, what is the result?"
    ],
    "sum_of_powers": ["If i^{k} is added for every i from 1 up to {n}, what is the result?"],
    "sum_of_multiples": [
        "If all multiples of {m} in the range from {a} to {b} are added, what is the result?"
    ],
    "linear_equation": [
        "Which number {v} satisfies {a}{v} {sign} {b} = {r}?",
        "Given that {a}{v} {sign} {b} = {r}, work out {v}.",
    ],
    "linear_equation_both_sides": ["Which number {v} satisfies {a}{v} + {b} = {c2}{v} + {r}?"],
    "number_riddle": [
        "{A} takes a number times {a}, then adds {b}, and the result is {r}. Which number did"
        " {A_he} take?"
    ],
    "quadratic_larger_root": ["The equation {e} = 0 has two solutions. Give the larger one."],
    "quadratic_root_sum": ["The equation {e} = 0 has two solutions. Give their sum."],
    "system": ["Both equations hold: {e1} and {e2}. Work out {ask}."],
    "two_prices": [
        "The price of {na} {x} and {nb} {y} is ${t1}, and the price of {nc} {x} and {nd} {y} is"
        " ${t2}. What does one {x1} cost?"
    ],
    "heads_and_legs": [
        "On a farm there are only {quad} and {bird}. {A} counted {heads} heads and {legs} legs. How"
        " many {quad} does the farm have?"
    ],
    "function_composition": [
        "With {F}(x) = {fa} and {G}(x) = {fb}, work out the value of {F}({G}({n})).",
        "{F} and {G} are functions with {F}(x) = {fa}, {G}(x) = {fb}. Give {F}({G}({n})).",
    ],
    "polynomial_value": ["Put x = {n} into {e} and give the result."],
    "combinations": [
        "{k} of {n} {people} are to be selected, and the order does not matter. How many ways are"
        " there?"
    ],
    "permutations": [
        "{k} of {n} {people} are to be put in a row, and the order matters. How many ways are"
        " there?"
    ],
    "pairs": [
        "At a meeting of {n} people, everybody shakes hands with everybody else one time. What is"
        " the number of handshakes?"
    ],
    "letter_arrangements": [
        "The letters of {word} are put in a new order. How many different orders are possible?"
    ],
    "marble_probability": [
        "{A} draws one of {na} {ca}, {nb} {cb} and {nc} {cc} {ball} at random. Find the probability"
        " that the one drawn is {ca}."
    ],
    "two_draws": [
        "From {na} {ca} and {nb} {cb} {ball}, {A} draws two without putting the first back. Find"
        " the probability that both of them are {ca}."
    ],
    "dice_sum": [
        "If two dice are rolled, how likely is a sum of {s}? Give the probability as a fraction."
    ],
    "coin_tosses": [
        "If a coin is flipped {n} times, how likely are exactly {k} heads? Give the probability as"
        " a fraction."
    ],
    "divisible_by_either": [
        "Among the integers from 1 to {n}, how many can be divided by {p} or by {q}?"
    ],
    "divisible_by_neither": [
        "Among the integers from 1 to {n}, how many can be divided neither by {p} nor by {q}?"
    ],
    "fractions": ["Please work out {fa} {op} {fb} and give the result as a fraction."],
    # percentages, rates, measures, dates
    "percent_of": [
        "A [club|school|shop] has {n} {x}, and {p}% of these are {adj}. What is the number of {adj}"
        " {x}?"
    ],
    "percent_discount": [
        "The normal price of a {x1} is ${n}. Today there is a discount of {p}%. What does it cost"
        " today?"
    ],
    "percent_increase": [
        "Last year a {x1} cost ${n}. Since then the price has gone up by {p}%. What does it cost"
        " today?"
    ],
    "percent_twice": [
        "A {x1} first cost ${n}. Then the price was reduced by {p}% and later increased by {q}%."
        " What is the price after that?"
    ],
    "percent_whole": ["If {part} is {p}% of a number, which number is it?"],
    "percent_change": [
        "The price of a {x1} was ${old} and is ${up} today. By how many percent has it gone up?"
    ],
    "simple_interest": [
        "How much simple interest do ${n} bring in {t} years at a rate of {p}% per year?"
    ],
    "compound_interest": [
        "{A} has ${n} in the bank. Each year it earns {p}% compound interest. How much is it after"
        " {t} years, rounded to cents?"
    ],
    "distance": ["Going {s} {units} per hour for {h} hours, what distance is covered?"],
    "distance_minutes": [
        "Going {s} {units} per hour for {h} hours and {minutes} minutes, what distance is covered?"
    ],
    "speed": ["In {h} hours, {who} went {dist} {units}. What was the speed in {units} per hour?"],
    "travel_time": [
        "If {who} goes {s} {units} per hour, how many hours are needed for {dist} {units}?"
    ],
    "meeting": [
        "The distance between two {what} is {gap} {units}. They move toward each other with speeds"
        " of {s1} and {s2} {units} per hour. How many hours pass until they meet?"
    ],
    "work_together": [
        "Alone, {A} would {job} in {a} hours and {B} would do it in {b} hours. If both work, how"
        " many hours does it take?"
    ],
    "machines": [
        "In {t} hours, {n} {maker} can make {out} {x}. How many {x} can {n2} {maker} make in {t2}"
        " hours?"
    ],
    "age_from_sum": [
        "{B} and {A} are {total} years old together, and {A} is {times} as old as {B}. What is the"
        " age of {B}?"
    ],
    "age_from_difference": [
        "The age difference of {A} and {B} is {d} years, and {A} is {times} as old as {B}. What is"
        " the age of {B}?"
    ],
    "age_in_future": [
        "Today {A} is {times} as old as {B}. The sum of their ages in {t} years will be"
        " {total_then}. What is the age of {B} today?"
    ],
    "average": ["Work out the average of these {of}: {list}."],
    "missing_average": [
        "{A} has the {of} {known} and wants an average of {mean} over all {n}. What must the last"
        " one be?"
    ],
    "rectangle_area": [
        "One side of a {what} is {w} {unit}, the other is {h} {unit}. Work out its area."
    ],
    "rectangle_perimeter": [
        "One side of a {what} is {w} {unit}, the other is {h} {unit}. Work out its perimeter."
    ],
    "rectangle_side": [
        "A {what} with an area of {area} square {unit} is {w} {unit} long. Work out its width."
    ],
    "square_from_perimeter": ["If a square has perimeter {p4} {unit}, how large is its area?"],
    "triangle_area": [
        "The base of a triangle is {base} {unit} and its height is {height} {unit}. Work out the"
        " area."
    ],
    "hypotenuse": [
        "In a right triangle the two short sides are {a} {unit} and {b} {unit}. Work out the"
        " hypotenuse."
    ],
    "leg": [
        "In a right triangle one leg is {a} {unit} and the hypotenuse is {hyp} {unit}. Work out the"
        " other leg."
    ],
    "box_volume": ["A {what} is {l} {unit} by {w} {unit} by {h} {unit}. How large is its volume?"],
    "box_surface": [
        "A {what} is {l} {unit} by {w} {unit} by {h} {unit}. How large is its surface?"
    ],
    "cube": ["A cube has sides of {s} {unit}. How large is its volume?"],
    "polygon_angles": [
        "A polygon has {n} sides. How large is the sum of its interior angles in degrees?"
    ],
    "polygon_diagonals": ["A polygon has {n} sides. How many diagonals can be drawn?"],
    "third_angle": [
        "If two of the angles in a triangle are {x1a} and {x2a} degrees, how large is the third"
        " one?"
    ],
    "point_distance": [
        "A point is at ({px}, {py}), another one at ({qx}, {qy}). What is their distance?"
    ],
    "days_between": ["If today is {d1}, how many days is it until {d2}?"],
    "weekday": ["Tell me the day of the week of {d1}."],
    "date_after": ["If today is {d1}, what date is it in {n} days? Use the form YYYY-MM-DD."],
    "minutes_between": [
        "{event} that starts at {t1} is over at {t2} on the same day. Work out its length in"
        " minutes."
    ],
    "convert_down": ["Express {n} {big} in {small}."],
    "convert_up": ["Express {total} {small} in {big}."],
    "ratio_share": [
        "The ratio in which {A} and {B} share ${total} is {ra} to {rb}. What does {A} get?"
    ],
    "ratio_other": [
        "For {na} {x}, how many {y} are there if the ratio of {x} to {y} is {ra} to {rb}?"
    ],
    "proportion": ["If the price of {n} {x} is ${amount}, what is the price of {k} {x}?"],
    "mixture": [
        "What percentage of {stuff} do you get if you mix {va} liters with {p}% {stuff} and {vb}"
        " liters with {q}% {stuff}?"
    ],
    "fraction_of": [
        "Of the {n} {x} in the {place}, {frac} are {adj}. How many {adj} {x} are there?"
    ],
    "fraction_rest": [
        "Of the {n} {x} in the {place}, {frac} were sold. How many {x} are still there?"
    ],
    # word problems of one step
    "compare_kinds": [
        "The {place} has {n} {x} but only {k} {y}. What is the difference?",
        "{A} counts the {x} and the {y}: {n} and {k}. How many more {x} are there than {y}?",
    ],
    "compare_people": ["While {A} has {n} {x}, {B} has just {k}. How many more does {A} have?"],
    "relative_more": [
        "{A} owns {n} {x}, and {B} owns {d} more than that. How many {x} does {B} own?"
    ],
    "relative_less": [
        "{A} owns {n} {x}, and {B} owns {d} fewer than that. How many {x} does {B} own?"
    ],
    "relative_total": [
        "{A} owns {n} {x}, and {B} owns {d} more than that. How many {x} do both of them own"
        " together?"
    ],
    "part_whole_sum": [
        "{A} sold {n} {adj} {x} and then {k} {adj2} {x}. What is the number of {x} {A_he} sold?"
    ],
    "part_whole_part": [
        "All in all the {place} has {n} {x}, of which {k} are {adj}. How many are not {adj}?"
    ],
    "groups_total": ["If one {c1} holds {per} {x}, how many {x} do {gr} {c} hold?"],
    "groups_size": [
        "{A} wants to share {tot} {x} equally among {gr} people. How many {x} will each person"
        " have?"
    ],
    "groups_count": ["If one {c1} holds {per} {x}, how many {c} will {A} need for {tot} {x}?"],
    "groups_left_over": [
        "If {uneven} {x} are put into {c} with {per} in each, how many {x} remain?"
    ],
    "groups_rounded_up": [
        "If one {c1} has room for {per} {x}, how many {c} must {A} buy for {uneven} {x}?"
    ],
    "groups_then_change": [
        "{A} owns {more} {x}. Then {A_he} buys {gr} {c}, each with {per} {x}. How many {x} does"
        " {A_he} own after that?"
    ],
    "groups_then_loss": [
        "{A} bought {gr} {c}, each with {per} {x}, and gave {gone} {x} away. How many {x} does"
        " {A_he} still have?"
    ],
    "sum_in_groups": [
        "{A} bought {h1} {adj} {x} and {h2} {adj2} {x} and shared all of them equally among {gr}"
        " people. How many {x} did each person have?"
    ],
    "groups_of_one_kind": [
        "The {place} has {n} {y} and {tot} {x}. If {per} {x} fit in a {c1}, how many {c} are needed"
        " for the {x}?"
    ],
    "table_sum": [
        "{A} sold {n} {x} and {k} {y}, {B} sold {w} {x} and {w2} {y}. What is the number of {x}"
        " that both of them sold?"
    ],
    "table_difference": [
        "{A} bought {n} {x}, later {k} more, and gave {d} away. How many {x} does {A_he} still"
        " have?"
    ],
    "shopping_change": [
        "If {A} pays for {gr} {x} at ${per} each with ${paid}, how much money does {A_he} get back?"
    ],
    "two_products": [
        "If {x} cost ${per} each and {y} cost ${u} each, how much must {A} pay for {few} {x} and"
        " {gr} {y}?"
    ],
    "times_as_many": [
        "{A} owns {n} {x}, and {B} owns {few} times that number. How many {x} does {B} own?"
    ],
    "times_total": [
        "{A} owns {n} {x}, and {B} owns {few} times that number. How many {x} do both of them own"
        " together?"
    ],
    "times_as_many_back": [
        "If {A}, who has {tot} {x}, has {gr} times as many as {B}, how many {x} does {B} have?"
    ],
    "half_left": [
        "{A} owned {n} {x}, sold half of them and bought {d} new ones. How many {x} does {A_he} own"
        " after that?"
    ],
    "daily_use": [
        "If {A} uses {a} of {start} {x} each day, how many {x} are there after {days} days?"
    ],
    "weekly_total": [
        "{A} makes {a} {x} on every weekday and {b} {x} on Saturday and on Sunday. How many {x}"
        " does {A_he} make in {w} weeks?"
    ],
    # and of two
    "give_equal_keep_some": [
        "{A} owned {sum} {x}. {gr} people got the same number each, and {left} were left. How many"
        " {x} did each person get?"
    ],
    "chain_of_two": [
        "{A} sold {a} {x}, {B} sold {word} that number, and {C} sold {d} more than {B}. What is the"
        " number of {x} that all three sold?"
    ],
    "chain_last": [
        "{A} sold {a} {x}, {B} sold {word} that number, and {C} sold {d} more than {B}. How many"
        " {x} did {C} sell?"
    ],
    "chain_half": [
        "{A} sold {h} {x}, {B} sold half that number, and {C} sold {e}. What is the number of {x}"
        " that all three sold?"
    ],
    "chain_percent": [
        "{A} owns {n} {x}. If {A_he} sells {p}% of them, how many {x} does {A_he} still own?"
    ],
    "shopping_list": [
        "If {x} cost ${p}, {y} cost ${q} and a {z1} costs ${s}, how much must {A} pay for {n} {x},"
        " {m2} {y} and one {z1}?"
    ],
    "shopping_discount": [
        "If {x} cost ${p} and {y} cost ${q}, how much must {A} pay for {n} {x} and {m2} {y} with a"
        " discount of {off}%?"
    ],
    "weekly_plan": [
        "{A} makes {n} {x} a day and works {days} days a week. How many {x} does {A_he} make in {w}"
        " weeks?"
    ],
    "weekly_pay": [
        "{A} gets ${p} for every hour and works {n} hours on each of {days} days. What remains"
        " after {A_he} spends ${s}?"
    ],
}
